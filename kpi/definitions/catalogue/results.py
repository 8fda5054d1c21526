"""Shipped KPIs of results: what was won and lost, how often, how fast, and the score of all."""

from kpi.definitions.model import Definition

RESULTS = (
    Definition(
        id="won_count",
        name="Deals won",
        name_zh="赢单数",
        says="Deals that are won now count at the start of their last unbroken run of won stages, "
        "for who owned them then (or the largest share of a dated split).",
        says_zh="当前为赢单的商机，在最后一段连续赢单的起点计入，归当时的负责人（或分成中占比最大者）。",
        unit="count",
        formula="won_count",
    ),
    Definition(
        id="won_amount",
        name="Won amount",
        name_zh="赢单金额",
        says="The same deals at the same moment with their amount as it stands now, for who owned "
        "them then (or by the shares of a dated split).",
        says_zh="同样的商机与时刻，金额取最新值，归当时的负责人（或按当时的分成比例）。",
        unit="money",
        formula="won_amount",
    ),
    Definition(
        id="won_credit",
        name="Won, with overlay credit",
        name_zh="赢单金额（含协作业绩）",
        says="Won amount and, for a person, the full amount of won deals in which they are named "
        "as overlay, at the same moment; a team counts each deal once.",
        says_zh="赢单金额；个人另计其作为协作人的赢单全额，时刻相同；团队中每单只计一次。",
        unit="money",
        formula="won_amount + overlay_won_amount",
    ),
    Definition(
        id="lost_count",
        name="Deals lost",
        name_zh="丢单数",
        says="Deals that are lost now count at the start of their last unbroken run of lost "
        "stages, for who owned them then.",
        says_zh="当前为丢单的商机，在最后一段连续丢单的起点计入，归当时的负责人。",
        unit="count",
        direction="lower",
        formula="lost_count",
    ),
    Definition(
        id="lost_amount",
        name="Lost amount",
        name_zh="丢单金额",
        says="The same deals at the same moment with their amount as it stands now.",
        says_zh="同样的商机与时刻，金额取最新值。",
        unit="money",
        direction="lower",
        formula="lost_amount",
    ),
    Definition(
        id="average_deal",
        name="Average deal size",
        name_zh="平均单额",
        says="Won amount over the won deals that have an amount, each at its win.",
        says_zh="赢单金额除以有金额的赢单数，按赢单时刻计。",
        unit="money",
        formula='won_amount / (won_count - incomplete("won_no_amount"))',
    ),
    Definition(
        id="win_rate",
        name="Win rate by count",
        name_zh="赢单率（按数量）",
        says="Deals won over deals won and lost, each at its close; open and disqualified deals "
        "are out.",
        says_zh="赢单数除以赢单与丢单之和，按关闭时刻计；不含进行中和不合格商机。",
        unit="ratio",
        formula="won_count / (won_count + lost_count)",
    ),
    Definition(
        id="win_rate_money",
        name="Win rate by money",
        name_zh="赢单率（按金额）",
        says="Amount won over amount won and lost, each deal at its close; open and disqualified "
        "deals are out.",
        says_zh="赢单金额除以赢单与丢单金额之和，按关闭时刻计；不含进行中和不合格商机。",
        unit="ratio",
        formula="won_amount / (won_amount + lost_amount)",
    ),
    Definition(
        id="cycle_median",
        name="Sales cycle, median",
        name_zh="销售周期中位数",
        says="The median time from creation to win of the deals won, at the win, true to 1 %.",
        says_zh="赢单商机从创建到赢单的时长中位数，按赢单时刻计，误差不超过 1%。",
        unit="duration",
        direction="lower",
        formula="median(cycle)",
    ),
    Definition(
        id="cycle_p90",
        name="Sales cycle, 90th percentile",
        name_zh="销售周期 90 分位",
        says="Nine of ten deals won took no longer from creation to win, at the win, true to 1 %.",
        says_zh="九成赢单商机从创建到赢单不超过此时长，按赢单时刻计，误差不超过 1%。",
        unit="duration",
        direction="lower",
        formula="quantile(cycle, 0.9)",
    ),
    Definition(
        id="cycle_mean",
        name="Sales cycle, mean",
        name_zh="销售周期平均值",
        says="The sum of the times from creation to win over the number of deals won, at the win.",
        says_zh="赢单商机从创建到赢单的时长之和除以赢单数，按赢单时刻计。",
        unit="duration",
        direction="lower",
        formula="mean(cycle)",
    ),
    Definition(
        id="velocity",
        name="Sales velocity, per day",
        name_zh="销售速度（每天）",
        says="Opportunities qualified in the period × average deal × win rate over the median "
        "cycle in days: the money that a day brings; each part at its own moment.",
        says_zh="期间优质商机数 × 平均单额 × 赢单率 ÷ 周期中位数（天）：平均每天带来的金额；"
        "各部分按各自的时刻计。",
        unit="money",
        formula="opportunities_qualified * average_deal * win_rate / days(cycle_median)",
    ),
    Definition(
        id="time_to_first_deal",
        name="Time to first deal",
        name_zh="首单时间",
        says="Civil days from the hire date to the first deal won, at that win; none before it.",
        says_zh="从入职日到首次赢单的自然日数，在首次赢单时刻计；此前没有数值。",
        unit="duration",
        direction="lower",
        formula="first_deal",
    ),
)
