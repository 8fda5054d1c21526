"""The pipeline deal by deal: what is open, what it may become, and what people stand for."""
