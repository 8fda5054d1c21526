"""The domain: entities, what they contribute, and the panes that hold the sums. Pure: no I/O and no clock."""

CODE = 1
"""Version of the meaning of this code. Raise it when the same history would give other numbers."""
