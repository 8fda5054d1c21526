"""Two recounts: one that shares nothing with the domain, one that folds with it in memory."""
