"""Archives every accepted record of the log and keeps the dead letters, in SQL."""
