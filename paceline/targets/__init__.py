"""Targets as files: what a spreadsheet writes, and what it reads."""
