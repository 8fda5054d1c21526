"""Rates as people write them."""
