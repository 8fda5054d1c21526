"""Alerting: what the rules of a tenant find in its numbers.

In: a tenant's rules and numbers, whom to look at, a moment. Out: readings, with all that explains
them. Used by the aggregator, which keeps the states, and by backtests, which play them through.
"""
