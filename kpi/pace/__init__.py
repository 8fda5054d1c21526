"""Pace: where a KPI stands against its target, what is needed from here, how likely it is.

In: what was counted, the effective target, elapsed and total workdays, the past. Out: a status, an
expected value by three curves, a projection with its interval, an order of who needs help.
Guarantee: never divides by zero; more never looks worse where higher is better.

``model`` says what goes in and out, ``curves`` what is expected by now, ``status`` the verdict,
``pace`` puts them together; ``history`` is the past, ``pooling`` what a team's past says,
``projection`` the statistical model over both, ``distributions`` its arithmetic.
"""

from kpi.pace.history import History, Past, history_of
from kpi.pace.model import (
    Caution,
    Curve,
    Like,
    Pace,
    PaceBasis,
    Progress,
    Segment,
    Status,
)
from kpi.pace.pace import help_score, pace
from kpi.pace.projection import (
    Outlook,
    Prediction,
    Prior,
    expected_events,
    predict,
    prior_of,
)

__all__ = [
    "Caution",
    "Curve",
    "History",
    "Like",
    "Outlook",
    "Pace",
    "PaceBasis",
    "Past",
    "Prediction",
    "Prior",
    "Progress",
    "Segment",
    "Status",
    "expected_events",
    "help_score",
    "history_of",
    "pace",
    "predict",
    "prior_of",
]
