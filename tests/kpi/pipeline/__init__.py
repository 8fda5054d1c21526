"""The pipeline deal by deal."""
