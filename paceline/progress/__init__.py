"""Progress: where every rep, team and organisation stands, for whoever says it or acts on it.

In: a tenant's organisation and plan, the numbers in Redis. Out: answers. Read by the API, which
shows them, and by the aggregator, which compares them with the rules of alerts: both say the same.
"""
