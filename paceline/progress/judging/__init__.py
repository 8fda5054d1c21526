"""From sums to where each person and team stands."""
