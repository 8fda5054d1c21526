"""`paceline rebuild` and `apply --hold` at a running stack."""
