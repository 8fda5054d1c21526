"""Tests of the API against a real Redis and SQLite."""
