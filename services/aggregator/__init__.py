"""Patches in, numbers in Redis out, each counted once."""
