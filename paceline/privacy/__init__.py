"""What is held about one customer or one person: found, handed out, erased.

Numbers stay as they are: a sum of minor units says nothing of whoever signed. What goes is every
field that no number rests on; a customer's name becomes a pseudonym, so that whoever is counted
once stays counted once.
"""
