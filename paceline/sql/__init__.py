"""SQL: the organisation, connections, keys, generations, the archive and dead letters.

Every query takes its tenant explicitly: no tenant's row can be reached by another's call.
"""
