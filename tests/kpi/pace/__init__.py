"""Pace: FIELD.md's examples, its laws, and the model beneath the probability."""
