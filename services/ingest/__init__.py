"""Ingest: signed webhooks and CloudEvents in, durable events out, 2xx only after that."""
