"""Rules of alerts in a configuration file: checked, kept, and written again.

In: a rule as it was said. Out: ``kpi.alerts.Rule``. Guarantee: what a shipped rule says already
need not be said; a key that the condition does not know is refused by name; read back, what was
written is the same rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec

from kpi.alerts import Condition, Milestone, Recipient, Rule, Silent, Whose
from kpi.alerts import rules as kinds
from kpi.alerts.shipped import SHIPPED
from kpi.definitions import Definition
from paceline.config import plan_shapes as shape
from paceline.config.source import Map, Source

_KINDS: Mapping[str, type[Condition]] = {
    "pace": kinds.Behind,
    "expected": kinds.Expected,
    "projection": kinds.Projection,
    "probability": kinds.Probability,
    "coverage": kinds.Coverage,
    "no_activity": kinds.Activity,
    "milestone": kinds.Milestone,
    "change": kinds.Changed,
    "stale_data": kinds.Silent,
}
_WITHOUT_KPI = frozenset(("no_activity", "stale_data"))
_OF_CONDITIONS = ("statuses", "side", "enter", "until", "hours", "percents")
_OF_RULES = ("name", "name_zh", "period", "severity", "resolved", "digest")
_DWELLS = ("after_percent", "dwell_hours", "recover_hours")


def rule_of(said: shape.Rule) -> Rule:
    """The rule; what is not said is the shipped one's of the same id, or the default."""
    base = SHIPPED.get(said.id)
    given = {key: getattr(said, key) for key in (*_OF_RULES, *_DWELLS)}
    fields: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    fields["enabled"] = said.enabled
    fields["condition"] = _condition(said, base)
    fields["whose"] = _whose(said, base)
    if said.kpi is not None:
        fields["kpi"] = said.kpi
    if said.to is not None:
        fields["recipients"] = tuple(_recipient(one) for one in said.to)
    if said.channels is not None:
        fields["channels"] = tuple(said.channels)
    if base is not None:
        return msgspec.structs.replace(base, **fields)
    return Rule(**{"name": said.id} | fields)


def written(id_: str, rule: Rule) -> dict[str, Any]:
    """The rule whole, in the shape of the file."""
    condition = msgspec.json.decode(msgspec.json.encode(rule.condition))
    whose = rule.whose
    known = {key: getattr(rule, key) for key in (*_OF_RULES, *_DWELLS)}
    found = {"id": id_, "enabled": rule.enabled} | known
    found |= {"each": whose.each, "of": whose.id or None, "team": whose.team or None}
    found |= {"kpi": rule.kpi or None} | condition
    found |= {"to": [_said(one) for one in rule.recipients], "channels": list(rule.channels)}
    return {key: value for key, value in found.items() if value is not None}


class Places(NamedTuple):
    """What rules may speak of, by id."""

    kpis: Mapping[str, Definition]
    teams: Collection[str]
    reps: Collection[str]


def check_rule(source: Source, rule: Map, places: Places) -> None:
    """Report what does not fit together in one rule."""
    base = SHIPPED.get(str(rule.get("id")))
    when = rule.get("when") or (base.condition.__struct_config__.tag if base else None)
    each = rule.get("each") or (base.whose.each if base else None)
    at = rule.path
    if when is None:
        source.report(at, f"`when` is missing; write one of {', '.join(_KINDS)}")
    if each is None:
        source.report(at, "`each` is missing; write rep, team or organisation")
    kind = _KINDS.get(str(when))
    if kind is None or each is None:
        return
    for key in _OF_CONDITIONS:
        if rule.get(key) is not None and key not in kind.__struct_fields__:
            takes = ", ".join(kind.__struct_fields__) or "nothing more"
            said = f"`{key}` says nothing with `when: {when}`, which takes {takes}"
            source.report((*at, key), said, key=True)
    _check_lines(source, rule, kind, base)
    _check_kpi(source, rule, str(when), base, places.kpis)
    _check_whose(source, rule, str(each), places)
    only = _ONLY_OF.get(str(when))
    if only is not None and each != only:
        source.report((*at, "each") if "each" in rule else at, f"`when: {when}` is {only}'s")


_ONLY_OF: Mapping[str, str] = {"no_activity": "rep", "stale_data": "organisation"}


def _check_whose(source: Source, rule: Map, each: str, places: Places) -> None:
    whole = {"rep": places.reps, "team": places.teams}.get(each, ())
    if rule.get("of") is not None and rule["of"] not in whole:
        source.report((*rule.path, "of"), f"there is no {each} `{rule['of']}`")
    if rule.get("team") is not None and rule["team"] not in places.teams:
        source.report((*rule.path, "team"), f"there is no team `{rule['team']}`")
    for number, to in enumerate(rule.get("to") or []):
        person = to.get("person") if isinstance(to, dict) else None
        if person is not None and person not in places.reps:
            source.report((*rule.path, "to", number), f"there is no rep `{person}`")


def _check_lines(source: Source, rule: Map, kind: type[Condition], base: Rule | None) -> None:
    if "enter" not in kind.__struct_fields__:
        return
    default: Any = base.condition if base and isinstance(base.condition, kind) else kind()
    enter = rule.get("enter", default.enter)
    until = rule.get("until", default.until)
    above = rule.get("side", getattr(default, "side", "below")) == "above"
    if not (isinstance(enter, int) and isinstance(until, int)):
        return
    if until > enter if above else until < enter:
        order = "at most" if above else "at least"
        said = f"where it is over ({until}) must be {order} where it begins ({enter})"
        source.report((*rule.path, "until" if "until" in rule else "enter"), said)


def _check_kpi(
    source: Source, rule: Map, when: str, base: Rule | None, known: Mapping[str, Definition]
) -> None:
    kpi = rule.get("kpi") or (base.kpi if base else None)
    if when in _WITHOUT_KPI:
        if rule.get("kpi") is not None:
            said = f"`when: {when}` is about no KPI; leave `kpi` out"
            source.report((*rule.path, "kpi"), said, key=True)
    elif not kpi:
        source.report(rule.path, "`kpi` is missing; write the id of one")
    elif kpi not in known:
        at = (*rule.path, "kpi") if "kpi" in rule else rule.path
        source.report(at, f"there is no KPI `{kpi}`")


def _condition(said: shape.Rule, base: Rule | None) -> Condition:
    given = {key: getattr(said, key) for key in _OF_CONDITIONS}
    fields = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in given.items()
        if value is not None
    }
    if said.when is None:
        if base is None:
            return Silent()  # refused by ``check_rule``
        return msgspec.structs.replace(base.condition, **fields)
    kind = _KINDS[said.when]
    if base is not None and isinstance(base.condition, kind):
        found: Condition = msgspec.structs.replace(base.condition, **fields)
    else:
        known: dict[str, Any] = {k: one for k, one in fields.items() if k in kind.__struct_fields__}
        found = kind(**known)
    if isinstance(found, Milestone):
        return Milestone(percents=tuple(sorted(set(found.percents))))
    return found


def _whose(said: shape.Rule, base: Rule | None) -> Whose:
    before = base.whose if base else Whose(each="organisation")
    return Whose(
        each=said.each or before.each,
        team=before.team if said.team is None else said.team,
        id=before.id if said.of is None else said.of,
    )


def _recipient(said: shape.Recipient) -> Recipient:
    if said.person is not None:
        return Recipient(role="person", id=said.person, after_days=said.after_days)
    return Recipient(role=said.role or "manager", after_days=said.after_days)


def _said(one: Recipient) -> str | dict[str, Any]:
    if one.role != "person" and not one.after_days:
        return one.role
    named: dict[str, Any] = {"person": one.id} if one.role == "person" else {"role": one.role}
    return named | ({"after_days": one.after_days} if one.after_days else {})
