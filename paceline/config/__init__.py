"""Configuration as code: YAML in, rows and generations out, every mistake named by its line."""
