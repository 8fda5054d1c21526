"""The shared kit and the command line."""
