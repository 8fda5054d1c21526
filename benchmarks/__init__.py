"""Measurements against peers; see the README."""
