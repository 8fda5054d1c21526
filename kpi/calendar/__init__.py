"""Calendars: fiscal periods and their labels, workdays, leave, working hours. Pure."""
