"""The domain: entities, what they contribute, the panes that hold the sums. No I/O, no clock."""

CODE = 2
"""Version of the meaning of this code. Raise it when the same history would give other numbers."""
