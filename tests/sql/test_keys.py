"""API keys on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql.engine import reading, writing
from paceline.sql.keys import ApiKey, create_key, find_key, list_keys, revoke


async def made(engine: AsyncEngine, *, expires_at: int | None = None) -> str:
    """Li Wei's key for his phone."""
    async with writing(engine) as session:
        return await create_key(
            session, "acme", label="phone", scopes=["read"], rep_id="li-wei", expires_at=expires_at
        )


async def found(engine: AsyncEngine, presented: str, at: int | None = None) -> ApiKey | None:
    """Whose key was presented."""
    async with reading(engine) as session:
        return await find_key(session, presented, at=at)


async def test_a_key_opens_what_it_was_made_for(engine: AsyncEngine) -> None:
    """Tenant, scopes and the person it is bound to."""
    key = await found(engine, await made(engine))
    assert key is not None
    assert (key.tenant, key.scopes, key.rep_id, key.team_id) == ("acme", ("read",), "li-wei", None)


async def test_neither_the_key_nor_its_secret_is_in_the_database(engine: AsyncEngine) -> None:
    """Of 256 random bits only the hash is kept."""
    presented = await made(engine)
    secret = presented.split("_", 2)[2]
    assert len(secret) == 43
    async with reading(engine) as session:
        rows = (await session.execute(text("SELECT * FROM api_keys"))).all()
    assert secret not in str(rows)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key + "x",
        lambda key: key.replace("pl_", "pk_"),
        lambda key: "pl_" + "0" * 12 + key[15:],
        lambda key: key.rsplit("_", 1)[0] + "_",
        lambda _: "",
        lambda _: "pl_\x00_x",
        lambda _: "Bearer 密钥",
    ],
)
async def test_a_key_that_is_not_exactly_right_opens_nothing(
    engine: AsyncEngine, spoil: object
) -> None:
    """Wrong last character, too long, other kind, other prefix, no secret, no key at all."""
    assert callable(spoil)
    assert await found(engine, spoil(await made(engine))) is None


async def test_a_key_ends_at_its_hour(engine: AsyncEngine) -> None:
    """The interval is half-open: at its end it is over."""
    presented = await made(engine, expires_at=1_000)
    assert await found(engine, presented, at=999) is not None
    assert await found(engine, presented, at=1_000) is None


async def test_a_revoked_key_is_listed_but_opens_nothing(engine: AsyncEngine) -> None:
    """And another tenant can neither see nor revoke it."""
    presented = await made(engine)
    prefix = presented.split("_")[1]
    async with writing(engine) as session:
        assert not await revoke(session, "globex", prefix)
        assert await list_keys(session, "globex") == []
    assert await found(engine, presented) is not None
    async with writing(engine) as session:
        assert await revoke(session, "acme", prefix)
        assert not await revoke(session, "acme", prefix)
        assert [key.id for key in await list_keys(session, "acme")] == [prefix]
    assert await found(engine, presented) is None
