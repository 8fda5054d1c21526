"""A simulated CRM: an organisation whose deals move and whose reps call, write, meet and visit.

In: a webhook address and its secret. Out: signed HubSpot webhooks over HTTP, and nothing else.
Guarantee: what it posts depends on the seed and the clock alone, and is what a portal would post.
"""
