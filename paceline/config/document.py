"""The shape of a configuration file.

In: values from YAML. Out: frozen Pydantic models. Guarantee: every key is known and every word is
of its kind; references between words are ``paceline.config.references``' matter.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from paceline.config import plan_shapes as plan
from paceline.config.shape import Name, Shape
from paceline.config.words import (
    Currency,
    Date,
    Email,
    EnvName,
    Expression,
    FieldName,
    HubSpotProperty,
    Id,
    KpiId,
    Link,
    TargetField,
    VendorId,
    Zone,
    as_list,
    wrong,
)
from paceline.sql.connections import Scheme, UriForm
from schemas.envelope import EntityKind, Op
from schemas.meaning import Category


class Team(Shape):
    """A team, with the teams below it inside, or beside it with ``parent``."""

    id: Id
    name: Name
    name_zh: Name | None = None
    parent: Id | None = None
    teams: list[Team] = []


def _managed(value: Any) -> Any:
    return [{"team": value}] if isinstance(value, str) else value


class Rep(Shape):
    """A person who sells; ``owners`` are the person's ids in each connection.

    ``team`` and ``zone`` hold always; ``teams`` and ``zones`` in their place are dated.
    """

    id: Id
    name: Name
    name_zh: Name | None = None
    team: Id | None = None
    teams: list[plan.DatedTeam] = []
    zone: Zone | None = None
    zones: list[plan.DatedZone] = []
    manages: Annotated[list[plan.DatedTeam], BeforeValidator(_managed)] | None = None
    owners: dict[str, Annotated[list[VendorId], BeforeValidator(as_list)]] = {}
    role: Id | None = None
    kpis: list[KpiId] | None = None
    hired: Date | None = None
    left: Date | None = None
    calendar: Id | None = None
    ramp: Id | None = None
    leave: list[plan.Away] = []
    email: Email | None = None
    language: Literal["en", "zh"] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Rep:
        if self.team is None and not self.teams:
            raise wrong("`team` is missing; add the id of the rep's team")
        if self.team is not None and self.teams:
            raise wrong("`team` holds always and `teams` are dated; keep one of them")
        if self.zone is not None and self.zones:
            raise wrong("`zone` holds always and `zones` are dated; keep one of them")
        return self


class Secret(Shape):
    """Where a secret is: in the environment of ingest, by this name."""

    env: EnvName


def _no_plain_secret(value: Any) -> Any:
    if isinstance(value, str):
        raise wrong(
            "a secret itself never belongs into this file: put it into an environment variable of "
            "ingest and write `secret: {env: NAME_OF_IT}`"
        )
    return as_list(value)


Secrets = Annotated[list[Secret], BeforeValidator(_no_plain_secret), Field(min_length=1)]
Stages = dict[str, dict[str, Category]]

_HUBSPOT_DEFAULT: Stages = {
    "*": {
        "appointmentscheduled": "open",
        "qualifiedtobuy": "qualified",
        "presentationscheduled": "qualified",
        "decisionmakerboughtin": "qualified",
        "contractsent": "qualified",
        "closedwon": "won",
        "closedlost": "lost",
    }
}


class Source(Shape):
    """What all connections have. ``currency`` and ``zone``: the tenant's where absent."""

    id: Id
    enabled: bool = True
    currency: Currency | None = None
    zone: Zone | None = None
    stages: Stages = {}
    link: Link | None = None


class HubSpot(Source):
    """A HubSpot portal. Only v3 signatures are dated, so the others are taken only when listed."""

    kind: Literal["hubspot"]
    secret: Secrets
    signatures: list[Literal["hubspot-v1", "hubspot-v2", "hubspot-v3"]] = ["hubspot-v3"]
    portal: VendorId | None = None
    stages: Stages = _HUBSPOT_DEFAULT
    properties: dict[HubSpotProperty, TargetField] = {}
    uri_forms: Annotated[list[UriForm], Field(min_length=1)] = ["decoded"]


class Rule(Shape):
    """One kind of event and the patch that it makes; see ``paceline.sql.connections.Rule``."""

    entity: EntityKind
    id: Expression
    op: Op = "set"
    when: Expression | None = None
    event_id: Expression | None = None
    occurred_at: Expression | None = None
    created_at: Expression | None = None
    sequence: Expression | None = None
    merged_into: Expression | None = None
    fields: dict[FieldName, Expression] = {}


class Mapping(Shape):
    """How bodies become patches."""

    events: Expression = "@"
    rules: Annotated[list[Rule], Field(min_length=1)]


class Json(Source):
    """Any signed JSON webhook."""

    kind: Literal["json"]
    secret: Secrets
    signatures: Annotated[list[Scheme], Field(min_length=1)]
    mapping: Mapping


class CloudEvents(Source):
    """Events under an API key with the scope ``ingest``; patches already, or mapped."""

    kind: Literal["cloudevents"]
    mapping: Mapping | None = None
    """For events whose data is no patch yet."""


Connection = Annotated[HubSpot | Json | CloudEvents, Field(discriminator="kind")]


class Settings(Shape):
    """What all of a tenant's numbers and targets share."""

    stale_after_days: Annotated[int, Field(ge=1, le=3650)] | None = 30
    entity_retention_days: Annotated[int, Field(ge=1, le=3650)] = 90
    fiscal: plan.Fiscal = plan.Fiscal()
    credit: Literal["owner", "splits"] = "owner"
    interpolate_today: bool = False
    qualification: plan.Qualification = plan.Qualification()
    disqualification: plan.Disqualification | None = None
    activities: plan.Activities | None = None
    weights: plan.Weights = {}
    calendar: Id | None = None
    sources: plan.Sources = plan.Sources()
    alerting: plan.Alerting = plan.Alerting()


class Tenant(Settings):
    """One customer: its organisation, its plan and its sources."""

    id: Id
    name: Name
    name_zh: Name | None = None
    zone: Zone
    currency: Currency
    measures: list[plan.Measure] = []
    kpis: list[plan.Kpi] = []
    calendars: list[plan.Calendar] = []
    roles: list[plan.Role] = []
    ramps: list[plan.Ramp] = []
    rules: list[plan.Rule] = []
    teams: list[Team] = []
    reps: list[Rep] = []
    connections: list[Connection] = []
    targets: list[plan.Target] = []


class Document(Shape):
    """A whole file."""

    version: Literal[1] = 1
    tenants: Annotated[list[Tenant], Field(min_length=1)]
