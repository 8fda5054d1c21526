"""Archives every accepted record of the log, keeps facts and dead letters, in SQL."""
