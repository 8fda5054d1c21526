"""Shipped KPIs of pipeline: what came into it, what stands in it, and whether it is enough."""

from kpi.definitions.model import Definition

PIPELINE = (
    Definition(
        id="opportunities_created",
        name="Opportunities created",
        name_zh="新建商机",
        says="Deals count at their creation, for their owner then.",
        says_zh="商机在创建时刻计入，归当时的负责人。",
        unit="count",
        formula="created",
    ),
    Definition(
        id="opportunities_qualified",
        name="Opportunities qualified",
        name_zh="优质商机数",
        says="Deals count at qualification, their first entry into a qualified (or won) stage, for "
        "their owner then.",
        says_zh="商机在首次进入优质（或赢单）阶段时计入，归当时的负责人。",
        unit="count",
        formula="qualified",
    ),
    Definition(
        id="disqualified",
        name="Opportunities disqualified",
        name_zh="不合格商机",
        says="Deals that are disqualified now count at the start of their last unbroken run of "
        "disqualified stages, for their owner then; they are neither won nor lost.",
        says_zh="当前为不合格的商机，在最后一段连续不合格的起点计入，归当时的负责人；既非赢单也非丢单。",
        unit="count",
        direction="lower",
        formula="disqualified",
    ),
    Definition(
        id="pipeline_built",
        name="Pipeline built",
        name_zh="新增漏斗金额",
        says="Amount and owner at qualification, the first entry into a qualified (or won) stage, "
        "whatever changes later.",
        says_zh="首次进入优质（或赢单）阶段时的金额与负责人，之后的变化不影响它。",
        unit="money",
        formula="pipeline_built",
    ),
    Definition(
        id="open_pipeline",
        name="Open pipeline",
        name_zh="漏斗金额",
        says="The amounts of all open deals at the moment asked for, with the owner of that "
        "moment, whenever they are expected to close.",
        says_zh="所查询时刻全部进行中商机的金额，归当时的负责人，不限预计成交日。",
        unit="money",
        formula="open_pipeline",
    ),
    Definition(
        id="open_pipeline_count",
        name="Open deals",
        name_zh="进行中商机数",
        says="All open deals at the moment asked for, with the owner of that moment.",
        says_zh="所查询时刻全部进行中的商机数，归当时的负责人。",
        unit="count",
        formula="open_count",
    ),
    Definition(
        id="qualified_pipeline",
        name="Open qualified pipeline",
        name_zh="优质商机漏斗金额",
        says="The amounts of open deals in a qualified stage and not stale at the moment asked "
        "for, with the owner of that moment.",
        says_zh="所查询时刻处于优质阶段且未沉寂的商机金额，归当时的负责人。",
        unit="money",
        formula="open_qualified",
    ),
    Definition(
        id="qualified_pipeline_count",
        name="Open qualified deals",
        name_zh="优质商机存量",
        says="Open deals in a qualified stage and not stale at the moment asked for, with the "
        "owner of that moment.",
        says_zh="所查询时刻处于优质阶段且未沉寂的商机数，归当时的负责人。",
        unit="count",
        formula="open_qualified_count",
    ),
    Definition(
        id="stale_deals",
        name="Stale open deals",
        name_zh="沉寂商机",
        says="Open deals without a change or an activity for 30 days (configurable) at the moment "
        "asked for, with the owner of that moment.",
        says_zh="所查询时刻已满 30 天（可配置）没有变更或活动的进行中商机数，归当时的负责人。",
        unit="count",
        direction="lower",
        formula="stale_count",
    ),
    Definition(
        id="stale_pipeline",
        name="Stale pipeline",
        name_zh="沉寂漏斗金额",
        says="The amounts of open deals without a change or an activity for 30 days (configurable) "
        "at the moment asked for, with the owner of that moment.",
        says_zh="所查询时刻已满 30 天（可配置）没有变更或活动的进行中商机金额，归当时的负责人。",
        unit="money",
        direction="lower",
        formula="stale_amount",
    ),
    Definition(
        id="coverage",
        name="Coverage",
        name_zh="漏斗覆盖率",
        says="Open qualified pipeline at the moment asked for that is expected to close within the "
        "period, over the period's whole target of won amount.",
        says_zh="所查询时刻预计在期间内成交的优质漏斗金额，除以该期间的赢单金额目标。",
        unit="ratio",
        formula="closing(open_qualified) / target(won_amount)",
    ),
    Definition(
        id="coverage_of_gap",
        name="Coverage of the gap",
        name_zh="缺口覆盖率",
        says="The same pipeline over what is still missing to the target at the moment asked for; "
        'once the target is met it is "covered".',
        says_zh="同一漏斗金额除以所查询时刻距目标的缺口；目标达成后显示“已覆盖”。",
        unit="ratio",
        formula="closing(open_qualified) / gap(won_amount)",
    ),
    Definition(
        id="required_coverage",
        name="Required coverage",
        name_zh="所需覆盖率",
        says="How many deals it takes to win one: one over the period's win rate by count, each "
        "deal at its close.",
        says_zh="赢得一单所需的商机倍数：期间内按数量计的赢单率的倒数，按关闭时刻计。",
        unit="ratio",
        direction="lower",
        formula="1 / win_rate",
    ),
    Definition(
        id="required_coverage_money",
        name="Required coverage by money",
        name_zh="所需覆盖率（按金额）",
        says="How much pipeline it takes to win one unit of money: one over the period's win rate "
        "by money, each deal at its close.",
        says_zh="赢得一元所需的漏斗倍数：期间内按金额计的赢单率的倒数，按关闭时刻计。",
        unit="ratio",
        direction="lower",
        formula="1 / win_rate_money",
    ),
    Definition(
        id="slipped_deals",
        name="Slipped deals",
        name_zh="延期商机",
        says="An open deal counts each time its expected close moves to a later calendar month, at "
        "the moment of the move, for its owner then.",
        says_zh="进行中商机的预计成交日每推迟到更晚的自然月，即在推迟时刻计一次，归当时的负责人。",
        unit="count",
        direction="lower",
        formula="slipped",
    ),
    Definition(
        id="slipped_amount",
        name="Slipped amount",
        name_zh="延期金额",
        says="The amount and the owner of each such move, at the moment of the move.",
        says_zh="每次推迟在推迟时刻的金额与负责人。",
        unit="money",
        direction="lower",
        formula="slipped_amount",
    ),
)
