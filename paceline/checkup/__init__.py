"""Looking at an installation: what is reachable, how far each part is, what is wrong.

In: settings. Out: facts, and problems each with its remedy. Guarantee: looks only; nothing that it
asks changes anything.
"""
