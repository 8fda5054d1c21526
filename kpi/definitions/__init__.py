"""KPI definitions as data: a formula over stored measures, typed, unit-checked and evaluated.

In: definitions (shipped in ``catalogue``, changed and added to by a tenant), and the sums of one
subject and period. Out: values. Guarantee: pure and exact; see ``docs/metrics.md`` for the
language, and ``docs/decisions/0012-formulas-by-ast.md`` for why it is parsed as it is.
"""

from kpi.definitions.attainment import attainment
from kpi.definitions.book import SELLING, Book, Compiled, compile_book
from kpi.definitions.catalogue import CATALOGUE, WEIGHTS, composite, stage_conversions
from kpi.definitions.evaluation import evaluate, other_currencies, outcomes
from kpi.definitions.model import (
    Bands,
    Basis,
    Definition,
    DefinitionError,
    Direction,
    Facts,
    Kind,
    Mistake,
    Outcome,
    Reason,
    Targets,
    Unit,
    revised,
)

__all__ = [
    "CATALOGUE",
    "SELLING",
    "WEIGHTS",
    "Bands",
    "Basis",
    "Book",
    "Compiled",
    "Definition",
    "DefinitionError",
    "Direction",
    "Facts",
    "Kind",
    "Mistake",
    "Outcome",
    "Reason",
    "Targets",
    "Unit",
    "attainment",
    "compile_book",
    "composite",
    "evaluate",
    "other_currencies",
    "outcomes",
    "revised",
    "stage_conversions",
]
