"""Where deliveries may go: public addresses, and what is allowed by name."""

from __future__ import annotations

import ipaddress

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.formats import Request
from services.notifier.guard import ForbiddenAddressError, Guard, allowed, unwrapped
from services.notifier.post import Poster
from tests.notifier.farm import answering, farm

PRIVATE = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - it is refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2001:0:0:0:0:0:80ff:fffe",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_private_is_public(address: str) -> None:
    """Loopback, private, link-local, metadata, shared, reserved, and all of it inside IPv6."""
    assert not allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public_is_allowed(address: str) -> None:
    """So is a public address that is written as IPv6."""
    assert allowed(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_inside_of_ipv6_is_judged_as_itself(
    address: ipaddress.IPv4Address,
) -> None:
    """Mapped, or behind the NAT64 prefix: the same verdict as bare."""
    mapped = ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    nat64 = ipaddress.IPv6Address(ipaddress.ip_address("64:ff9b::").packed[:12] + address.packed)
    for wrapped in (mapped, nat64):
        assert unwrapped(wrapped) == address
        assert allowed(wrapped) == allowed(address)


async def test_a_name_that_leads_inside_is_refused_before_anything_is_sent() -> None:
    """One private address among public ones is enough."""

    async def resolver(_host: str, _port: int) -> list[str]:
        return ["8.8.8.8", "127.0.0.1"]

    guard = Guard(resolver=resolver)
    with pytest.raises(ForbiddenAddressError, match=r"127\.0\.0\.1"):
        await guard.checked("hooks.example.com", 443)


async def test_a_name_that_changes_its_answer_gains_nothing() -> None:
    """The connection goes to the address that was looked at: it is not resolved again."""
    async with farm(answering) as (inside,):
        asked: list[str] = []

        async def rebinding(host: str, _port: int) -> list[str]:
            asked.append(host)
            return ["192.0.2.1"] if len(asked) == 1 else ["127.0.0.1"]

        poster = Poster(Guard(["192.0.2.0/24"], rebinding))
        connected: list[str] = []
        inner = poster._pool._network_backend._inner  # type: ignore[attr-defined]

        async def connect(address: str, *_rest: object) -> httpcore.AsyncNetworkStream:
            connected.append(address)
            raise httpcore.ConnectError("nobody is there")

        inner.connect_tcp = connect
        request = Request(f"http://hooks.example.com:{inside.port}/", {}, b"{}")
        first = await poster.post(request)
        second = await poster.post(request)
        await poster.close()
    assert connected == ["192.0.2.1"]
    assert inside.got == []
    assert first.status is None
    assert "127.0.0.1" in second.error
    assert "ForbiddenAddressError" in second.error


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0/",
        "http://169.254.169.254/latest/meta-data/",
        "ftp://8.8.8.8/",
        "http:///",
    ],
)
async def test_however_loopback_is_written_it_is_refused(url: str) -> None:
    """Nothing is connected to; the delivery log says why."""
    poster = Poster(Guard())
    answer = await poster.post(Request(url, {}, b"{}"))
    await poster.close()
    assert answer.status is None
    assert answer.error


async def test_a_receiver_on_the_premises_is_allowed_by_name_or_network() -> None:
    """The allow-list is the administrator's."""
    async with farm(answering) as (inside,):
        for allow in (["localhost"], ["127.0.0.0/8", "::1/128"]):
            poster = Poster(Guard(allow))
            answer = await poster.post(Request(f"http://localhost:{inside.port}/", {}, b"{}"))
            assert answer.status == 204
            await poster.close()
