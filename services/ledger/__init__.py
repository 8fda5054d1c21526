"""Archives every accepted patch and restores from the archive."""
