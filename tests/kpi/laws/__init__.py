"""Laws that hold over every history, checked over random ones."""
