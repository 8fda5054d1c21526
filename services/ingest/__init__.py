"""Webhooks in, patches on Kafka out."""
