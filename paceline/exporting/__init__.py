"""What leaves Paceline as files."""
