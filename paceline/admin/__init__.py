"""Administration: the plan read and written item by item, as the configuration file has it.

In: a tenant, a kind, an id, a body of exactly the file's shape. Out: what changed, or every mistake
by its JSON pointer. Guarantee: the same checks as for the file, all or nothing in one transaction,
audited; the same body twice changes nothing.

`items` has the kinds of the file, `targets` targets with their states, `audit` who did it.
"""
