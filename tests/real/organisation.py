"""The organisation of the files as configuration, and its targets as a CSV.

In: agents, managers, targets. Out: texts as an administrator would write them. Guarantee: one team
a manager, one rep an agent, owner ids in the order of names.
"""

from tests.real import portal


def owners(managers: dict[str, str]) -> dict[str, str]:
    """Agent -> owner id in the CRM."""
    return {agent: str(500 + i) for i, agent in enumerate(sorted(managers))}


def slug(name: str) -> str:
    """An id made of a name."""
    return name.lower().replace(" ", "-")


def document(tenant: str, managers: dict[str, str], stale_after: str, without: str = "") -> str:
    """The configuration; one agent may still be unknown."""
    teams = sorted(set(managers.values()))
    ids = owners(managers)
    lines = [
        "version: 1",
        "tenants:",
        f"  - id: {tenant}",
        "    name: Computer hardware",
        "    zone: UTC",
        "    currency: USD",
        f"    stale_after_days: {stale_after}",
        "    teams:",
        *(f"      - {{id: {slug(team)}, name: {team}}}" for team in teams),
        "    reps:",
        *(_rep(tenant, agent, managers[agent], ids[agent]) for agent in ids if agent != without),
        "    connections:",
        f"      - id: {tenant}-hubspot",
        "        kind: hubspot",
        f"        portal: {portal.PORTAL}",
        "        secret: {env: PORTAL_SECRET}",
        "        stages:",
        '          "*": {prospecting: open, engaging: qualified,',
        "                closedwon: won, closedlost: lost}",
    ]
    return "\n".join(lines) + "\n"


def csv_of(targets: dict[tuple[str, str], int]) -> str:
    """The targets as a table: agent and month, whole dollars."""
    rows = [f"won_amount,{slug(agent)},{month},{base}" for (agent, month), base in targets.items()]
    return "\n".join(["kpi,rep,period,base", *sorted(rows)]) + "\n"


def _rep(tenant: str, agent: str, manager: str, owner: str) -> str:
    named = f"id: {slug(agent)}, name: {agent}, team: {slug(manager)}"
    return f'      - {{{named}, owners: {{{tenant}-hubspot: "{owner}"}}}}'
