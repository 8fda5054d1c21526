"""Words: what an alert says to a person, in English or Chinese.

In: an alert. Out: a title and lines. Guarantee: pure; every number of the alert that explains it is
said; text of a CRM or of an administrator is given as it is, and escaped by whoever formats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from schemas.alerts import Alert, Figure

Language = Literal["en", "zh"]

_SEVERITY = {
    "en": {"info": "Info", "warning": "Warning", "critical": "Critical"},
    "zh": {"info": "提示", "warning": "警告", "critical": "严重"},
}
_STATUS = {
    "en": {
        "at_risk": "at risk",
        "behind": "behind",
        "on_track": "on track",
        "ahead": "ahead",
        "covered": "target reached",
        "too_early": "too early to say",
        "not_started": "not started",
        "no_target": "no target",
        "incomplete": "data incomplete",
    },
    "zh": {
        "at_risk": "有风险",
        "behind": "落后",
        "on_track": "正常",
        "ahead": "领先",
        "covered": "已达成",
        "too_early": "为时尚早",
        "not_started": "未开始",
        "no_target": "无目标",
        "incomplete": "数据不完整",
    },
}
_TOPIC = {
    "en": {
        "volume": "Talk about: new opportunities are short ({value} against {team} a head)",
        "conversion": "Talk about: few opportunities are won ({value} against the team's {team})",
        "deal_size": "Talk about: deals are small ({value} against the team's {team})",
        "cycle": "Talk about: deals take long ({value} days against the team's {team})",
        "coverage": "Talk about: the pipeline is thin ({value} against the team's {team})",
    },
    "zh": {
        "volume": "辅导话题：新商机不足（{value}，团队人均 {team}）",
        "conversion": "辅导话题：赢单率偏低（{value}，团队 {team}）",
        "deal_size": "辅导话题：客单价偏低（{value}，团队 {team}）",
        "cycle": "辅导话题：成交周期偏长（{value} 天，团队 {team} 天）",
        "coverage": "辅导话题：漏斗覆盖率不足（{value}，团队 {team}）",
    },
}
_SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "over": "Over: {title}",
        "now": "{kpi}: {value} of {target} ({attainment})",
        "only": "{kpi}: {value}",
        "pace": "Expected by now: {expected}; {status}",
        "status": "Status: {status}",
        "projection": "Heading for {projection}; chance to reach the target: {chance}",
        "heading": "Heading for {projection}",
        "required": "Needed: {required} on each of the {days} workdays left",
        "coverage": "Required coverage: {required}",
        "last": "At this point of the last period: {last}",
        "milestone": "{percent} % of the target reached",
        "quiet": "No activity for {hours} working hours",
        "silent": "Nothing was heard of this source since {since} UTC; no figure that rests on it "
        "is judged until it is back",
        "late": "Told late: this is no news.",
        "rule": "Rule: {rule}, version {version}; period {period}",
    },
    "zh": {
        "over": "已恢复：{title}",
        "now": "{kpi}：{value} / {target}（{attainment}）",
        "only": "{kpi}：{value}",
        "pace": "目前应达到：{expected}；{status}",
        "status": "状态：{status}",
        "projection": "预计完成 {projection}；达成概率 {chance}",
        "heading": "预计完成 {projection}",
        "required": "剩余 {days} 个工作日，每天需要 {required}",
        "coverage": "所需覆盖率：{required}",
        "last": "上期同期：{last}",
        "milestone": "已达成目标的 {percent}%",
        "quiet": "已有 {hours} 个工作小时没有活动",
        "silent": "自 {since}（UTC）起没有收到该来源的数据；恢复之前不作评判",
        "late": "补发：这不是新情况。",
        "rule": "规则：{rule}，版本 {version}；周期 {period}",
    },
}


class Text(NamedTuple):
    """What is said."""

    title: str
    lines: list[str]
    severity: str


def text_of(alert: Alert, language: Language) -> Text:
    """The alert in words."""
    said = _SAID[language]
    zh = language == "zh"
    subject = alert.subject.name_zh or alert.subject.name if zh else alert.subject.name
    rule = alert.rule.name_zh or alert.rule.name if zh else alert.rule.name
    title = f"{subject} · {rule}"
    if alert.what == "resolved":
        title = said["over"].format(title=title)
    lines: list[str] = []
    if alert.percent is not None:
        lines.append(said["milestone"].format(percent=alert.percent))
    if alert.figure is not None:
        lines += _figure(alert.figure, language)
    if alert.quiet_ms is not None:
        lines.append(said["quiet"].format(hours=f"{alert.quiet_ms / 3_600_000:.1f}"))
    if alert.silent_since is not None:
        since = datetime.fromtimestamp(alert.silent_since / 1000, UTC)
        lines.append(said["silent"].format(since=f"{since:%Y-%m-%d %H:%M}"))
    if alert.driver is not None:
        one = alert.driver
        factor = 86_400 if one.topic == "cycle" else 1
        money = one.topic == "deal_size" and alert.figure and alert.figure.unit == "money"
        scale = 10**alert.figure.exponent if money and alert.figure else factor
        lines.append(
            _TOPIC[language][one.topic].format(
                value=_plain(one.value / scale), team=_plain(one.team / scale)
            )
        )
    if alert.late:
        lines.append(said["late"])
    lines.append(
        said["rule"].format(rule=rule, version=alert.rule.version, period=alert.period or "-")
    )
    return Text(title, lines, _SEVERITY[language][alert.severity])


def _figure(figure: Figure, language: Language) -> list[str]:
    said = _SAID[language]
    kpi = figure.name_zh if language == "zh" else figure.name
    status = _STATUS[language].get(figure.status, figure.status)
    lines = []
    value = amount(figure, figure.value)
    if figure.target is None:
        lines.append(said["only"].format(kpi=kpi, value=value))
    else:
        attainment = "-" if figure.attainment is None else f"{figure.attainment:.0%}"
        target = amount(figure, figure.target)
        lines.append(said["now"].format(kpi=kpi, value=value, target=target, attainment=attainment))
    if figure.expected is not None:
        expected = amount(figure, figure.expected)
        lines.append(said["pace"].format(expected=expected, status=status))
    else:
        lines.append(said["status"].format(status=status))
    if figure.projection is not None:
        projection = amount(figure, figure.projection)
        if figure.probability is None:
            lines.append(said["heading"].format(projection=projection))
        else:
            chance = f"{figure.probability:.0%}"
            lines.append(said["projection"].format(projection=projection, chance=chance))
    if figure.required_per_workday:
        required = amount(figure, figure.required_per_workday)
        days = _plain(figure.remaining_workdays or 0)
        lines.append(said["required"].format(required=required, days=days))
    if figure.required_coverage is not None:
        lines.append(said["coverage"].format(required=_plain(figure.required_coverage)))
    if figure.last_period is not None:
        lines.append(said["last"].format(last=amount(figure, figure.last_period)))
    return lines


def amount(figure: Figure, value: float | None) -> str:
    """A value of the figure's unit as people write it."""
    if value is None:
        return "-"
    if figure.unit == "money":
        return f"{value / 10**figure.exponent:,.{figure.exponent}f} {figure.currency}"
    if figure.unit == "duration":
        return f"{value / 86_400:.1f} d"
    return _plain(value)


def _plain(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")
