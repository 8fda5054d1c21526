"""Real input: a year of an organisation's deals, through the public doors, against the files."""
