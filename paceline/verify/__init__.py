"""Verification: a tenant's live numbers against the archive, place by place."""
