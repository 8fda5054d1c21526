"""Closing a period: its figures are written down, and what changes them later is shown beside."""
