"""Verification: every live number against the archive."""
