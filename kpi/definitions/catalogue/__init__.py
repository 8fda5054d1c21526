"""The KPIs that are shipped, and those that are made of a tenant's own stages and weights.

In: stages, weights. Out: definitions like any other: a tenant's own of the same id takes the place
of a shipped one. Guarantee: all of them compile together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from kpi.definitions.catalogue.activities import ACTIVITIES
from kpi.definitions.catalogue.pipeline import PIPELINE
from kpi.definitions.catalogue.results import RESULTS
from kpi.definitions.model import Definition
from kpi.definitions.tree import Call, Node, Number, Text, quoted, show

WEIGHTS: Mapping[str, int] = {
    "won_amount": 50,
    "pipeline_built": 20,
    "meetings": 15,
    "new_customer_visits": 15,
}
"""The composite score's weights where a tenant sets none."""


def composite(weights: Mapping[str, int]) -> Definition:
    """The composite score with these weights (KPI id -> weight above 0).

    >>> composite({"won_amount": 60, "conversion:demo": 40}).formula
    'weighted("conversion:demo", 40, won_amount=60)'
    """
    pairs: list[Node] = []
    named: list[tuple[str, Node]] = []
    for id_, weight in weights.items():
        of = Number(Fraction(weight))
        if id_.isidentifier():
            named.append((id_, of))
        else:
            pairs += [Text(id_), of]
    return Definition(
        id="composite",
        name="Composite score",
        name_zh="综合得分",
        says="The weighted mean of the attainment of several KPIs, each at its own moments; one "
        "without a value or a target is left out and the others weigh more.",
        says_zh="多个指标达成率的加权平均，各按自身时刻计；没有数值或目标的指标不计，其余权重相应放大。",
        unit="ratio",
        formula=show(Call("weighted", tuple(pairs), tuple(named))),
    )


def stage_conversions(stages: Iterable[str]) -> list[Definition]:
    """``conversion:<stage>`` for each stage id, in the order given, each once.

    The stages are those from which a deal can go further: leave out won, lost and disqualified.

    >>> [one.formula for one in stage_conversions(["demo"])]
    ['converted("demo") / entered("demo")']
    """
    return [_conversion(stage) for stage in dict.fromkeys(stages)]


def _conversion(stage: str) -> Definition:
    named = quoted(stage)
    return Definition(
        id=f"conversion:{stage}",
        name=f"Conversion from {stage}",
        name_zh=f"{stage} 阶段转化率",
        says="Of the deals that first entered this stage in the period, the share that has since "
        "gone further, at the moment and for the owner of that first entry.",
        says_zh="期间内首次进入该阶段的商机中，此后已进入更后阶段的比例，按首次进入的时刻与负责人计。",
        unit="ratio",
        formula=f"converted({named}) / entered({named})",
    )


CATALOGUE: tuple[Definition, ...] = (*ACTIVITIES, *PIPELINE, *RESULTS, composite(WEIGHTS))
"""All shipped KPIs, but for the conversions, which are made of a tenant's stages."""
