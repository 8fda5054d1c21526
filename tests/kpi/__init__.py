"""The domain: examples that tell a history, and laws over random ones."""
