"""Rebuilding a tenant's numbers, as whoever asked for it follows it and looks at what comes."""
