"""Files that leave Paceline."""
