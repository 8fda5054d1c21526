"""A quarter of a two-team organisation, told like a story, and every number against a sheet."""
