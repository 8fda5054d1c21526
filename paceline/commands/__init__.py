"""The commands, one file a subject. Heavy imports stay inside them, so that `--help` is quick."""
