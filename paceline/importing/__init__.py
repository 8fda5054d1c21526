"""Bringing an organisation's history in: reading its files, and sending them by the slow lane."""
