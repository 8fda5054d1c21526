"""API keys: ``pl_<prefix>_<secret>``.

In: what a caller presented. Out: what it may do, or nothing. Guarantee: the secret leaves this
module once, when it is made; the database alone does not let anybody in.

The hash is one SHA-256. Slow hashes protect what people choose; 256 random bits cannot be guessed
at any speed, and every request pays for the hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection
from typing import Literal

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.models import ApiKeyRow

Scope = Literal["read", "ingest", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "ingest", "admin")

_PREFIX_BYTES = 6
_SECRET_BYTES = 32
_NOBODY = hashlib.sha256(secrets.token_bytes(_SECRET_BYTES)).digest()


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key it is and what it may do. Bound to a rep: that rep; to a team: its tree."""

    id: str
    tenant: str
    label: str
    scopes: tuple[str, ...]
    rep_id: str | None
    team_id: str | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None


def now_ms() -> int:
    """The wall clock, ms UTC."""
    return time.time_ns() // 1_000_000


async def create_key(
    session: AsyncSession,
    tenant: str,
    *,
    label: str,
    scopes: Collection[Scope],
    rep_id: str | None = None,
    team_id: str | None = None,
    expires_at: int | None = None,
) -> str:
    """A new key of the tenant, in full: it cannot be shown again."""
    prefix, secret = secrets.token_hex(_PREFIX_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    row = ApiKeyRow(
        id=prefix,
        hash=_hash(secret),
        tenant=tenant,
        label=label,
        scopes=[scope for scope in SCOPES if scope in scopes],
        rep_id=rep_id,
        team_id=team_id,
        created_at=now_ms(),
        expires_at=expires_at,
    )
    session.add(row)
    await session.flush()
    return f"pl_{prefix}_{secret}"


async def find_key(
    session: AsyncSession, presented: str, *, at: int | None = None
) -> ApiKey | None:
    """The key that was presented, if it is one and neither revoked nor expired at ``at``."""
    prefix, secret = _parts(presented)
    row = await session.get(ApiKeyRow, prefix, populate_existing=True)
    # An unknown prefix costs the same comparison, so the answer's time tells nothing.
    right = hmac.compare_digest(_NOBODY if row is None else row.hash, _hash(secret))
    if row is None or not right or not _valid(row, now_ms() if at is None else at):
        return None
    return _typed(row)


async def list_keys(session: AsyncSession, tenant: str) -> list[ApiKey]:
    """All keys of the tenant, revoked ones too, oldest first."""
    rows = await session.scalars(
        select(ApiKeyRow)
        .where(ApiKeyRow.tenant == tenant)
        .order_by(ApiKeyRow.created_at, ApiKeyRow.id)
    )
    return [_typed(row) for row in rows]


async def revoke(session: AsyncSession, tenant: str, key: str) -> bool:
    """End a key by its prefix; False where the tenant has no such key, or it is over already."""
    done = await session.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.tenant == tenant, ApiKeyRow.id == key, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=now_ms())
        .returning(ApiKeyRow.id)
    )
    return done.first() is not None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _parts(presented: str) -> tuple[str, str]:
    kind, _, rest = presented.partition("_")
    prefix, _, secret = rest.partition("_")
    # PostgreSQL refuses a NUL in a text; no such prefix exists anyway.
    return (prefix, secret) if kind == "pl" and prefix.isalnum() else ("", "")


def _valid(row: ApiKeyRow, at: int) -> bool:
    return row.revoked_at is None and (row.expires_at is None or at < row.expires_at)


def _typed(row: ApiKeyRow) -> ApiKey:
    return msgspec.convert(row, ApiKey, from_attributes=True)
