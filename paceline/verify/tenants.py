"""All tenants, or one: who is in which partition, and verification of each in turn.

In: Redis, the archive, the number of partitions. Out: a result for each tenant. Guarantee: a tenant
that cannot be compared does not keep the others from it.
"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from paceline.verify.archive import SqlArchive
from paceline.verify.check import check
from paceline.verify.places import Checked, Unchecked, UncheckedError
from schemas import keys, topics

Result = Checked | Unchecked


async def tenants(redis: Redis, partitions: int) -> dict[str, int]:
    """Every tenant that ever had a generation -> its partition, sorted by name."""
    found: dict[str, int] = {}
    for p in range(partitions):
        members = await redis.smembers(keys.tenants(p))
        found.update((raw if isinstance(raw, str) else raw.decode(), p) for raw in members)
    return dict(sorted(found.items()))


async def verify(
    redis: Redis,
    archive: SqlArchive,
    partitions: int,
    tenant: str | None,
    *,
    first: int,
    patience_s: float,
) -> list[Result]:
    """Compare one tenant, or all."""
    try:
        known = await tenants(redis, partitions)
    except (RedisError, OSError) as error:
        return [_away(tenant or "", error)]
    if tenant is not None:
        known = {tenant: known.get(tenant, topics.partition_of(tenant, partitions))}
    results: list[Result] = []
    for name, p in known.items():
        try:
            results.append(await check(redis, archive, p, name, first=first, patience_s=patience_s))
        except UncheckedError as error:
            results.append(Unchecked(tenant=name, why=error.args[0], fix=error.args[1]))
        except (RedisError, OSError) as error:
            results.append(_away(name, error))
        except SQLAlchemyError as error:
            why = f"the SQL database (PACELINE_SQL) does not work: {_line(error)}"
            results.append(Unchecked(tenant=name, why=why, fix="look with `paceline doctor`"))
    return results or [_nobody()]


def status(results: list[Result]) -> int:
    """The exit code: 2 where a tenant could not be compared, 1 where a place differs, else 0.

    >>> status([Unchecked(tenant="acme", why="Redis is empty", fix="start it")])
    2
    """
    if any(isinstance(one, Unchecked) for one in results):
        return 2
    return int(any(one.places for one in results if isinstance(one, Checked)))


def _away(tenant: str, error: Exception) -> Unchecked:
    why = f"Redis (PACELINE_REDIS) does not answer: {_line(error)}"
    return Unchecked(tenant=tenant, why=why, fix="look with `paceline doctor`")


def _nobody() -> Unchecked:
    why = "Redis has no tenant"
    fix = (
        "apply a configuration (`paceline apply`); where there was one, start `paceline aggregator`"
    )
    return Unchecked(tenant="", why=why, fix=fix)


def _line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
