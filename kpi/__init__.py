"""The domain, pure: entities, contributions, panes and periods; no I/O and no clock."""
