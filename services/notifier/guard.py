"""The guard: connections to public addresses only, by the very address that is connected to.

In: a host and a port. Out: a connection. Guarantee: a name is resolved here, every address that it
has is looked at, and the connection goes to an address that was looked at, so that a name which
answers differently the next time changes nothing; IPv4 inside IPv6 is unwrapped; redirects are not
followed, for nobody follows them. Hosts of the allow-list (on-premises receivers) pass.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_LOW_32 = 0xFFFFFFFF


class ForbiddenAddressError(OSError):
    """The host is, or leads to, an address that alerts are not delivered to."""


def allowed(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Whether deliveries may go to an address.

    >>> [allowed(ipaddress.ip_address(a)) for a in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1")]
    [True, False, False]
    """
    real = unwrapped(address)
    if any(real in network for network in networks if network.version == real.version):
        return True
    return real.is_global and not (real.is_multicast or real.is_reserved)


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside of an IPv6 one (mapped, 6to4, Teredo, NAT64), else the same."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _NAT64_LOCAL:
        return ipaddress.IPv4Address(int(address) & _LOW_32)
    return address


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the system's order."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Guard(httpcore.AsyncNetworkBackend):
    """Connects to what is allowed."""

    def __init__(self, allow: Iterable[str] = (), resolver: Resolve = resolve) -> None:
        """``allow``: networks (``10.1.0.0/16``) or hosts by name that may be delivered to."""
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for one in allow:
            try:
                self._networks.append(ipaddress.ip_network(one, strict=False))
            except ValueError:
                self._hosts.add(one.lower())
        self._resolve = resolver
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore names it so
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to an address that was looked at.

        Raises:
            ForbiddenAddressError: one of the host's addresses is not allowed.
        """
        addresses = await self.checked(host, port)
        failed: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore names it so
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the same
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise ForbiddenAddressError(f"{path} is no address on the network")

    async def sleep(self, seconds: float) -> None:
        """As httpcore's own."""
        await self._inner.sleep(seconds)

    async def checked(self, host: str, port: int) -> list[str]:
        """The addresses of a host; ``ForbiddenAddressError`` where one is not allowed."""
        found = await self._resolve(host, port)
        if host.lower() in self._hosts:
            return found
        for one in found:
            # A scope (``fe80::1%eth0``) says which link: no address with one is public.
            if "%" in one or not allowed(ipaddress.ip_address(one), self._networks):
                raise ForbiddenAddressError(
                    f"{host} leads to {one}, which is not public; a receiver on the premises "
                    "must be in PACELINE_DELIVERY_ALLOW"
                )
        return found
