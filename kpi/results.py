"""How a deal ended: won, lost or disqualified, and for whom that counts.

In: a deal, its steps and the meaning. Out: contributions at the close, which is the start of the
present unbroken run of won (lost, disqualified) stages. Guarantee: the amount is the one that
stands, so that a correction after the close corrects the result; who gets it was known at the
close: the owner, or the split of then.

Measures: ``won_n``, ``won:<currency>``, ``lost…``, ``disq…``, ``cycle:<bucket>`` and ``cycle_s``
(seconds from creation to win), ``disq_for:<reason>``, ``ov_won_n`` and ``ov_won:<currency>`` of
whoever sees the win beside those who share it.
"""

from __future__ import annotations

from urllib.parse import quote

from kpi.credit import Credit, credit_at, overlay_at, owner_at, parts
from kpi.declared import Contributions, rules_of, take_all
from kpi.entity import Entity, canonical
from kpi.fields import View
from kpi.money import minor_units
from kpi.sketch import bucket
from kpi.stages import Step, closing
from kpi.timeline import latest
from schemas.meaning import Meaning

NO_REASON, OTHER_REASON = "none", "other"


def result(entity: Entity, meaning: Meaning, walk: list[Step], currency: str) -> Contributions:
    """What the close contributes; nothing while the deal is open."""
    close = closing(walk)
    if close is None or close.category is None:
        return {}
    if close.category == "disqualified":
        credit = Credit(owner_at(entity, close.at))
        facts = event(credit.main, "disq", close.at, latest(entity.amount), currency)
        facts.update(_reason(entity, meaning, credit.main, close.at))
    else:
        credit = credit_at(entity, meaning, close.at)
        facts = _closed(entity, credit, close, currency)
    rules = rules_of(meaning).deals.get(close.category)
    if rules:
        view = View(entity, close.at, latest(entity.amount), currency)
        take_all(facts, rules, view, credit, close.at)
    return facts


def event(owner: str, measure: str, at: int, amount: str, currency: str) -> Contributions:
    """Count and sum of one event; without a usable amount the count alone, marked incomplete."""
    minor = minor_units(amount, currency)
    if minor is None:
        return {(owner, f"{measure}_n", at): 1, (owner, f"x:{measure}_no_amount", at): 1}
    return {(owner, f"{measure}_n", at): 1, (owner, f"{measure}:{currency}", at): minor}


def _closed(entity: Entity, credit: Credit, close: Step, currency: str) -> Contributions:
    at, how, amount = close.at, f"{close.category}", latest(entity.amount)
    facts = _shared(event(credit.main, how, at, amount, currency), credit)
    if credit.bad:
        facts[credit.main, "x:bad_split", at] = 1
    if how == "won":
        if entity.created is not None:
            seconds = max(0, (at - entity.created) // 1000)
            facts[credit.main, f"cycle:{bucket(seconds)}", at] = 1
            facts[credit.main, "cycle_s", at] = seconds
        for owner in overlay_at(entity, at):
            seen = event(owner, "ov_won", at, amount, currency)
            facts.update({key: size for key, size in seen.items() if not key[1].startswith("x:")})
    return facts


def _shared(facts: Contributions, credit: Credit) -> Contributions:
    """The same event with its money in parts."""
    if not credit.shares:
        return facts
    shared: Contributions = {}
    for (owner, measure, at), size in facts.items():
        if ":" in measure and not measure.startswith("x:"):
            shared.update({(one, measure, at): part for one, part in parts(credit, size)})
        else:
            shared[owner, measure, at] = size
    return shared


def _reason(entity: Entity, meaning: Meaning, owner: str, at: int) -> Contributions:
    """Why, by the reasons of the configuration; without any, nothing."""
    asked = meaning.disqualification
    if asked is None:
        return {}
    text = canonical(entity.read(asked.field))
    if not text:
        return {(owner, f"disq_for:{NO_REASON}", at): 1, (owner, "x:no_reason", at): 1}
    reason = asked.reasons.get(text)
    if reason is None:
        return {(owner, f"disq_for:{OTHER_REASON}", at): 1, (owner, "x:unknown_reason", at): 1}
    return {(owner, f"disq_for:{quote(reason, safe='')}", at): 1}
