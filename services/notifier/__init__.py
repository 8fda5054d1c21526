"""Notifier: alerts from ``kpi.alerts`` to whoever is told."""
