"""What we are measured against: programs as their users would write them."""
