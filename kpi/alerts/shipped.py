"""The rules that come with Paceline: sensible ones, off until somebody enables them.

In: nothing. Out: rules by id. Guarantee: none is enabled; every KPI that is named is of the shipped
catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kpi.alerts.rules import (
    Activity,
    Behind,
    Changed,
    Coverage,
    Expected,
    Milestone,
    Probability,
    Projection,
    Recipient,
    Rule,
    Silent,
    Whose,
)

_REP, _MANAGER = Recipient(role="rep"), Recipient(role="manager")
_THEN_ABOVE = Recipient(role="managers_manager", after_days=2)

SHIPPED: Final[Mapping[str, Rule]] = {
    # Few and large deals are behind in most months at some time: at less than half of what is
    # expected, once two fifths of the month are over, it is worth a word.
    "rep-won-at-risk": Rule(
        name="A rep's won amount is at risk",
        name_zh="销售代表成交金额有风险",
        whose=Whose(each="rep"),
        kpi="won_amount",
        condition=Expected(enter=50, until=70),
        after_percent=40,
        dwell_hours=8,
        recover_hours=4,
        recipients=(_REP, _MANAGER),
        channels=("inbox", "email"),
    ),
    "rep-visits-behind": Rule(
        name="A rep is behind on new-customer visits",
        name_zh="销售代表新客户拜访落后",
        whose=Whose(each="rep"),
        kpi="new_customer_visits",
        period="week",
        condition=Behind(statuses=("behind", "at_risk")),
        dwell_hours=4,
        recover_hours=2,
        recipients=(_REP,),
    ),
    "rep-chance-low": Rule(
        name="A rep will hardly reach the quarter's target",
        name_zh="销售代表很难完成季度目标",
        whose=Whose(each="rep"),
        kpi="won_amount",
        period="quarter",
        condition=Probability(enter=5, until=15),
        after_percent=50,
        dwell_hours=8,
        recover_hours=8,
        severity="critical",
        recipients=(_MANAGER, _THEN_ABOVE),
        channels=("inbox", "email"),
    ),
    "rep-coverage-short": Rule(
        name="A rep's pipeline does not cover the target",
        name_zh="销售代表漏斗覆盖率不足",
        whose=Whose(each="rep"),
        kpi="coverage",
        period="quarter",
        condition=Coverage(enter=60, until=80),
        dwell_hours=16,
        recover_hours=8,
        recipients=(_REP, _MANAGER),
    ),
    "rep-quiet": Rule(
        name="A rep has had no activity for two working days",
        name_zh="销售代表两个工作日没有活动",
        whose=Whose(each="rep"),
        condition=Activity(hours=18),
        recipients=(_REP, _MANAGER),
    ),
    "rep-milestones": Rule(
        name="A rep reached a milestone",
        name_zh="销售代表达成里程碑",
        whose=Whose(each="rep"),
        kpi="won_amount",
        condition=Milestone(),
        severity="info",
        recipients=(_REP, _MANAGER),
    ),
    "team-projection-short": Rule(
        name="A team is heading below its target",
        name_zh="团队预计完不成目标",
        whose=Whose(each="team"),
        kpi="won_amount",
        period="quarter",
        condition=Projection(enter=70, until=80),
        after_percent=50,
        dwell_hours=16,
        recover_hours=8,
        recipients=(_MANAGER, _THEN_ABOVE),
        channels=("inbox", "email"),
    ),
    "organisation-won-fell": Rule(
        name="Far less was won than by this point of the last month",
        name_zh="成交金额远低于上月同期",
        whose=Whose(each="organisation"),
        kpi="won_amount",
        condition=Changed(enter=70, until=85),
        dwell_hours=8,
        recover_hours=8,
        recipients=(_MANAGER,),
    ),
    "source-silent": Rule(
        name="A source has fallen silent",
        name_zh="数据来源中断",
        whose=Whose(each="organisation"),
        condition=Silent(),
        severity="critical",
        recipients=(Recipient(role="admin"), _MANAGER),
        channels=("inbox", "email"),
        resolved=True,
    ),
}
