"""Calendars: fiscal years that were published, workdays, and laws over random ones."""
