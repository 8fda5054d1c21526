"""The shapes of what is said of a subject: KPIs, targets, pace, progress."""
