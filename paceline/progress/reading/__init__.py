"""From Redis and SQL to sums: whose, of which days, and what the past was."""
