"""Access: what a key may see of its tenant's organisation.

In: a key and the organisation. Out: reps and teams. Guarantee: pure; what may not be seen looks
exactly like what does not exist.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from paceline.progress.reading.directory import Known
from paceline.sql.keys import ApiKey
from paceline.sql.org import Org, Rep, Team
from paceline.sql.plan import Plan
from services.api.problems import forbidden, not_found

Reach = Literal["tenant", "team", "rep"]


class Caller(msgspec.Struct, frozen=True):
    """Who asks: a key, and all that is known of its tenant."""

    key: ApiKey
    known: Known

    @property
    def org(self) -> Org:
        """The organisation of the key's tenant."""
        return self.known.org

    @property
    def plan(self) -> Plan:
        """Its targets, KPIs, calendars and people's dates."""
        return self.known.plan

    @property
    def digest(self) -> str:
        """Of both."""
        return self.known.digest

    @property
    def reach(self) -> Reach:
        """How much the key sees."""
        if self.key.rep_id is not None:
            return "rep"
        return "team" if self.key.team_id is not None else "tenant"

    def reps(self) -> list[Rep]:
        """The visible reps, by id."""
        if self.key.rep_id is not None:
            own = self.org.reps.get(self.key.rep_id)
            return [own] if own else []
        if self.key.team_id is not None:
            return self.org.members(self.key.team_id)
        return list(self.org.reps.values())

    def teams(self) -> list[Team]:
        """The visible teams, by id; a rep's key sees none."""
        if self.reach == "rep":
            return []
        if self.key.team_id is None:
            return list(self.org.teams.values())
        tree = self.org.subtree(self.key.team_id)
        return [team for team in self.org.teams.values() if team.id in tree]

    def rep(self, wanted: str) -> Rep:
        """A visible rep; 404 otherwise."""
        for rep in self.reps():
            if rep.id == wanted:
                return rep
        raise not_found("rep")

    def team(self, wanted: str) -> Team:
        """A visible team; 404 otherwise."""
        for team in self.teams():
            if team.id == wanted:
                return team
        raise not_found("team")

    def need_admin(self) -> None:
        """403 without the scope ``admin``, or for a key that is bound to a person or team."""
        if "admin" not in self.key.scopes:
            raise forbidden("this API key has no scope 'admin'")
        if self.reach != "tenant":
            raise forbidden("a key that is bound to a person or team administers nothing")

    def need_tenant(self) -> None:
        """403 for a key that is bound to a person: it may not see the whole organisation."""
        if self.reach != "tenant":
            raise forbidden("this key is bound to a person; the organisation needs one that is not")
