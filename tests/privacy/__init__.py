"""What is held about somebody: found, handed out, erased."""
