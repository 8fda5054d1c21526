"""Alerts: rules, states, looks, delivery."""
