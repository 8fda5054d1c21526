# ruff: noqa: E501 - rows of tables are lines
"""The fixed text of ``docs/metrics.md``: what is stored, the language, and the rules for all.

In: nothing. Out: text for ``page``. Guarantee: every name and function of the language has its row,
because ``page`` asks for one.
"""

TITLE = """# Measures · 指标

Every number is a sum of what deals and activities contribute. A contribution has an owner (the CRM's owner id), a measure and a moment; it falls on the civil day of its owner's time zone at that moment. When a record changes, the difference is added, so an edit, a deletion, a reassignment or a late event corrects the past by itself. A KPI is a formula over these sums.

每个数字都是商机与活动所贡献数值之和。每笔贡献有归属人（CRM 中的负责人 ID）、指标和时刻，并计入该时刻归属人所在时区的当地日期。记录一旦变化，系统只累加差额，因此修改、删除、转移或迟到的事件都会自动更正过去的数字。KPI 是对这些合计值的公式。

This page is written by `paceline docs metrics`. · 本页由 `paceline docs metrics` 生成。
"""

KPIS = """## KPIs · 考核指标

The shipped catalogue. A tenant changes or adds to it with data of the same form. *Flow* grows within a period, so it has a pace; *level* stands at a moment; *ratio* and *duration* are compared with their target as they are. Money is in the tenant's currency, durations are in seconds; a ratio is a sum over a sum, never a mean of ratios. · 内置指标目录，租户可用同样形式的数据修改或增补。*flow*（流量）在期间内累积，因此有进度；*level*（存量）是某一时刻的水平；*ratio*（比率）与 *duration*（时长）直接与目标比较。金额以租户币种计，时长以秒计；比率是合计除以合计，绝不是比率的平均。
"""

AFTER_KPIS = """For every stage from which a deal can go further there is a `conversion:<stage id>`, with the formula `{conversion}`: {says} · 每个可继续推进的阶段都有 `conversion:<阶段 ID>`：{says_zh}

- **No value** is said with its reason: nothing to divide by, no target, covered (the target is met), nothing observed, amounts per deal where several currencies are present. · **没有数值**时给出原因：无分母、无目标、已覆盖（目标已达成）、无观测、单均金额涉及多个币种。
- **Attainment**: actual over target, whole period; a target of 0 has none. Where lower is better: target over actual, at most 200 % (half of the target or less); a target of 0 is reached by 0 alone. · **达成率**：实际值除以整个期间的目标；目标为 0 时没有达成率。越低越好的指标：目标除以实际值，最高 200%；目标为 0 时只有 0 才算达成。
- **Composite score**: the weighted mean of attainments; a KPI without a value, or whose target is absent or 0 (the first month of a ramp), is left out and the others weigh more. · **综合得分**：达成率的加权平均；没有数值、没有目标或目标为 0（如爬坡首月）的指标不计，其余权重相应放大。
- **Other currencies** than the tenant's are not added; the answer names them as left out. · **其他币种**不相加，并在结果中注明未计入。
- **Versions**: a definition in use is never edited; another content is the next version. · **版本**：使用中的定义不会被修改，内容不同即为下一版本。
"""

LANGUAGE = """## Formulas · 公式

Numbers, names, `+ - * /`, brackets and functions; nothing else. A name is a measure below or another KPI; within its own formula a KPI's id is the measure of that name, everywhere else the KPI. A measure that the tenant declares is named by its id, or `measure("id")`. Units are checked: money and counts are never added; money over a count is money, money over money is a ratio. · 只有数字、名称、`+ - * /`、括号和函数。名称是下列基础量或其他 KPI；在自身公式中，KPI 的 ID 指同名基础量，在别处则指该 KPI。租户自定义的基础量用其 ID 或 `measure("id")` 引用。系统检查单位：金额与数量绝不相加；金额除以数量是金额，金额除以金额是比率。
"""

FUNCTIONS: dict[str, tuple[str, str]] = {
    "activities": (
        "Done activities of these kinds; without a kind, of all.",
        "这些类型的已完成活动数；不写类型则为全部。",
    ),
    "minutes": (
        "The minutes of these kinds of activity, as a duration.",
        "这些类型活动的分钟数（时长）。",
    ),
    "selling_activities": (
        "Activities of the kinds that the tenant counts as selling.",
        "租户定义为销售类的活动数。",
    ),
    "selling_minutes": ("Their minutes, as a duration.", "销售类活动的分钟数（时长）。"),
    "entered": ("First entries into a stage.", "首次进入该阶段的商机数。"),
    "converted": (
        "Of these, the deals that have gone further since.",
        "其中此后已进入更后阶段的商机数。",
    ),
    "disqualified_for": ("Deals disqualified for a reason.", "因该原因被判为不合格的商机数。"),
    "unmet": (
        "Deals that came to be qualified without meeting a criterion.",
        "进入优质阶段时未满足该条件的商机数。",
    ),
    "incomplete": ("What is counted as incomplete, see below.", "不完整数据的计数，见下文。"),
    "measure": ("A measure by its id.", "按 ID 引用基础量。"),
    "closing": (
        "The part of a level whose expected close day lies in the period.",
        "存量中预计成交日落在本期间的部分。",
    ),
    "quantile": ("A quantile of a distribution, true to 1 %.", "分布的分位数，误差不超过 1%。"),
    "median": ("The same at one half.", "分布的中位数。"),
    "mean": ("Its exact mean, where the sum is kept too.", "分布的精确平均值（需保存总和）。"),
    "samples": ("How many it has counted.", "分布中的样本数。"),
    "kpi": (
        "A KPI by its id, such as `conversion:demo`.",
        "按 ID 引用 KPI，例如 `conversion:demo`。",
    ),
    "target": ("The subject's target of a KPI for the whole period.", "该 KPI 在整个期间的目标。"),
    "attainment": ("How much of it is reached.", "该 KPI 的达成率。"),
    "gap": (
        "Target less value; covered when nothing is missing.",
        "目标减实际；没有缺口即为已覆盖。",
    ),
    "weighted": ("The weighted mean of attainments.", "达成率的加权平均。"),
    "min": ("The least of several.", "取最小值。"),
    "max": ("The greatest of several.", "取最大值。"),
    "days": ("A duration as a number of days (of 24 hours).", "把时长换算为天数（每天 24 小时）。"),
    "hours": ("A duration as a number of hours.", "把时长换算为小时数。"),
}

Row = tuple[str, str, str, str]
"""Name in both languages, stored as, one sentence, the same in Chinese."""

FLOWS_TEXT = """## Flows · 流量

Summed over a period. A deal that is deleted or merged away takes its flows back. · 按期间累加；被删除或被合并的商机会收回其全部流量。
"""

FLOWS: tuple[Row, ...] = (
    (
        "Activities by kind · 销售活动",
        "`act:<type>`",
        "A done activity counts once when it took place (`at`, else its creation), under its owner as of now.",
        "已完成的活动在发生时刻（`at`，否则为创建时刻）计一次，归当前负责人。",
    ),
    (
        "Minutes of activities · 活动用时",
        "`act_min:<type>`",
        "The minutes that a done activity says it took (0 to 1,440), at the same moment and for the same owner.",
        "已完成的活动所填的分钟数（0 至 1,440），时刻与负责人相同。",
    ),
    (
        "New-customer visits · 新客户拜访",
        "`visit_new`",
        "A visit marked as new-customer counts once, at the same moment and for the same owner.",
        "标记为新客户的拜访，在同一时刻、同一负责人名下计一次。",
    ),
    (
        "Existing-customer follow-ups · 老客户跟进",
        "`follow_up`",
        "A call, e-mail, meeting or visit marked as not new-customer counts once, at the same moment and for the same owner.",
        "明确标记为非新客户的电话、邮件、会议或拜访，在同一时刻、同一负责人名下计一次。",
    ),
    (
        "First response · 首次响应",
        "`resp:<bucket>`",
        "The time from a deal's creation to the first done activity that names it counts at that activity, for the deal's owner then, in a bucket that is true to 1 %.",
        "从商机创建到首个关联的已完成活动的时长，在该活动时刻计入，归当时的商机负责人，分桶误差不超过 1%。",
    ),
    (
        "Deals created · 新建商机",
        "`created`",
        "A deal counts at the earliest creation that was told, for its owner then.",
        "商机在已知最早的创建时刻计一次，归当时的负责人。",
    ),
    (
        "Stage entries · 进入各阶段",
        "`stage:<id>`",
        "The first entry into each stage counts at that moment, for the owner then.",
        "首次进入每个阶段时计一次，归当时的负责人。",
    ),
    (
        "Stage conversions · 阶段转化",
        "`conv:<id>`",
        "The same entry counts here too once the deal has entered a stage further on in the pipeline's order; so a period's deals can be followed to what became of them.",
        "商机此后进入更后的阶段时，同一次进入也计入此项，因此可以追踪某期间的商机后来如何。",
    ),
    (
        "Pipeline built · 新增漏斗",
        "`built_n`, `built:<currency>`",
        "The first entry into a qualified (or won) stage counts with the amount and the owner of that moment, whatever changes later.",
        "首次进入优质（或赢单）阶段时，按当时金额和当时负责人计入，之后的变化不影响它。",
    ),
    (
        "Criteria not met · 未满足的条件",
        "`unmet:<id>`",
        "At the same moment, each qualification criterion that the deal, as it stands now, does not meet.",
        "在同一时刻，按商机现状未满足的每一项优质条件各计一次。",
    ),
    (
        "Won · 赢单",
        "`won_n`, `won:<currency>`",
        "A deal that is won now counts at the start of its last unbroken run of won stages, for the owner then, with its amount as it stands. Where splits are chosen, the split known at the close shares the amount to the last cent, and the count goes to the largest share.",
        "当前为赢单的商机，在最后一段连续赢单的起点计入，归当时的负责人，金额取最新值。若选择分成，则按关闭时已知的比例精确分摊金额，单数归占比最大者。",
    ),
    (
        "Overlay credit · 协作业绩",
        "`ov_won_n`, `ov_won:<currency>`",
        "The same win with its full amount, for everyone named as overlay: shown to the person, never part of a team's sum.",
        "同一赢单的全额计给每位协作人：只向本人展示，绝不计入团队合计。",
    ),
    (
        "Lost · 丢单",
        "`lost_n`, `lost:<currency>`",
        "The same as won for lost stages.",
        "丢单与赢单同理。",
    ),
    (
        "Disqualified · 不合格",
        "`disq_n`, `disq:<currency>`, `disq_for:<reason>`",
        "The same for disqualified stages, which are neither won nor lost; by reason as the configuration reads the record (`none` without one, `other` for one not listed).",
        "不合格阶段同理，既非赢单也非丢单；原因按配置从记录中读取（未填为 `none`，未列出为 `other`）。",
    ),
    (
        "Slipped · 延期",
        "`slip_n`, `slip:<currency>`",
        "Each move of an open deal's expected close to a later calendar month counts at the move, with the amount and owner of that moment.",
        "进行中商机的预计成交日每推迟到更晚的自然月，在推迟时刻按当时金额和负责人计一次。",
    ),
    (
        "Sales cycle · 赢单销售周期",
        "`cycle:<bucket>`, `cycle_s`",
        "The time from creation to win counts at the win, in a bucket that is true to 1 %, and in an exact sum of seconds.",
        "从创建到赢单的时长在赢单时刻计入，既分桶（误差不超过 1%），也累加精确秒数。",
    ),
    (
        "Declared · 自定义",
        "`m:<id>`, `m:<id>:<currency>`, `m:<id>:n`, `m:<id>:<bucket>`, `m:<id>:=<value>`",
        "What the tenant declares: a count, a sum, a mean (sum and count), a distribution, or distinct values with how often each is referred to.",
        "租户自定义：计数、求和、平均（总和与个数）、分布，或去重值及其引用次数。",
    ),
)

AFTER_FLOWS = "A reopened deal is neither won nor lost, and its win is taken back. · 重新打开的商机既非赢单也非丢单，原赢单会被收回。\n"

LEVELS_TEXT = """## Levels · 存量

Known at any moment, past ones included: nothing that was told later is seen. Kept by the expected close day, a civil date that is never converted (`-` while unknown). · 可查询任意时刻（包括过去）的存量，只反映当时已知的信息；按预计成交日存放，该日期从不做时区换算（未知时为 `-`）。
"""

LEVELS: tuple[Row, ...] = (
    (
        "Open pipeline · 销售漏斗",
        "`open_n:<day>`, `open:<currency>:<day>`",
        "A deal counts from its first open (or qualified) stage until it is closed or deleted, with the amount, owner and close day of the moment asked for.",
        "商机自进入进行中（或优质）阶段起，至关闭或删除止，按所查询时刻的金额、负责人和预计成交日计入。",
    ),
    (
        "Open qualified pipeline · 优质商机漏斗",
        "`qual_n:<day>`, `qual:<currency>:<day>`",
        "The part of it in a qualified stage that is not stale: a deal leaves 30 × 24 hours (configurable) after its last change or activity, and returns with the next.",
        "其中处于优质阶段且未沉寂的部分：最后一次变更或活动之后满 30×24 小时（可配置）即移出，再有动作便移回。",
    ),
    (
        "Stale pipeline · 沉寂漏斗",
        "`stale_n:<day>`, `stale:<currency>:<day>`",
        "The part of the open pipeline, qualified or not, that has been quiet for so long.",
        "进行中商机（无论是否优质）中已沉寂满该时长的部分。",
    ),
    (
        "Declared · 自定义",
        "`g:<id>:n:<day>`, `g:<id>:<currency>:<day>`",
        "A level of open deals that the tenant declares; without a usable amount `g:<id>:x:<day>`.",
        "租户自定义的进行中商机存量；没有可用金额的计入 `g:<id>:x:<day>`。",
    ),
)

INCOMPLETE_TEXT = """## Incomplete · 数据不完整

Counted beside the number, never hidden in it. · 与数字并列显示，绝不掩盖。
"""

INCOMPLETE: tuple[tuple[str, str, str], ...] = (
    (
        "`x:built_no_amount`, `x:won_no_amount`, `x:lost_no_amount`, `x:disq_no_amount`, `x:slip_no_amount`",
        'Counted deals without a usable amount, at the same moment: "12 won, 4 without amount".',
        "已计数但没有可用金额的商机，时刻相同：“赢单 12 个，其中 4 个无金额”。",
    ),
    (
        "`x_open_no_amount:<day>`, `x_qual_no_amount:<day>`",
        "The same for the levels.",
        "存量同理。",
    ),
    (
        "`x:unmapped_stage`",
        "A stage that the configuration does not list was entered: it counts as open.",
        "进入了配置中未列出的阶段：按进行中处理。",
    ),
    (
        "`x:deal_no_creation`, `x:act_no_creation`",
        "Only changes of the record are known, not its creation: what rests on the creation is left out.",
        "只收到变更而未收到创建：依赖创建的数值不计入。",
    ),
    (
        "`x:no_reason`, `x:unknown_reason`",
        "Disqualified without a reason, or for one that the configuration does not list.",
        "不合格但未填原因，或原因未在配置中列出。",
    ),
    (
        "`x:bad_minutes`, `x:bad_split`",
        "Minutes or a split that cannot be read: none are counted, and the owner at the close has all.",
        "无法识别的分钟数或分成：前者不计，后者全归关闭时的负责人。",
    ),
    (
        "`x:m:<id>`",
        "A declared measure that holds for a record without the value that it takes.",
        "符合自定义条件但缺少所取数值的记录。",
    ),
)

RULES = """## Rules for all · 通用规则

- **Owner at a moment**: whoever was set last by then, that millisecond included; before the first, the first owner ever set. · **某时刻的负责人**：截至该毫秒最后设定者；此前尚无设定时，取最早设定者。
- **Money**: integers in minor units per currency, rounded half to even; more than 10^15 minor units is no amount; currencies are never added together. · **金额**：按币种以最小单位的整数存储，四舍六入五成双；超过 10^15 个最小单位视为无金额；不同币种绝不相加。
- **Order of changes**: time of the change, the vendor's sequence, kind of change, event id, value; never the order of arrival. · **变更顺序**：变更时间、来源系统序号、变更类型、事件 ID、取值；与到达顺序无关。
"""
