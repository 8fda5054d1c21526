"""Alerts: rules, what they read in a KPI, and the states that they are in."""

from kpi.alerts.conditions import Measured, Reading, read
from kpi.alerts.machine import Change, Held, Sample, step
from kpi.alerts.rules import (
    ANY_TEAM,
    Activity,
    Behind,
    Changed,
    Condition,
    Coverage,
    Expected,
    Milestone,
    Probability,
    Projection,
    Recipient,
    Rule,
    Severity,
    Silent,
    Whose,
)

__all__ = [
    "ANY_TEAM",
    "Activity",
    "Behind",
    "Change",
    "Changed",
    "Condition",
    "Coverage",
    "Expected",
    "Held",
    "Measured",
    "Milestone",
    "Probability",
    "Projection",
    "Reading",
    "Recipient",
    "Rule",
    "Sample",
    "Severity",
    "Silent",
    "Whose",
    "read",
    "step",
]
