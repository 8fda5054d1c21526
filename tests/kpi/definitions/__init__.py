"""KPI definitions: the language, the catalogue, and what its numbers come to."""
