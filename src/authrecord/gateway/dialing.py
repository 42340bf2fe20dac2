"""Connections to upstreams: which addresses may be dialled, and under which TLS.

A name is resolved once; the addresses are judged, and the connection goes to one of those that were judged. So a
name that changes between the look and the connection leads nowhere new (rows M12, M13).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, TypeVar

from ..clients.sender_tls import tls_context
from ..core.origin import Origin
from .refusals import Refusal

CONNECT_SECONDS: Final = 10.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)

_NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32")
)
"""Link-local, and where clouds keep the secrets of their machines: nobody's API stands there."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses may be dialled. `public_only`: neither loopback nor private ones, for a shared gateway.

    `allowed`: networks that may be dialled although they are private.
    """

    public_only: bool = False
    allowed: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def lets(self, text: str) -> bool:
        """True when this address may be dialled. An IPv4 address inside an IPv6 one is judged as what it is."""
        address = plain_address(text)
        if any(address in network for network in _NEVER if network.version == address.version):
            return False
        if not self.public_only:
            return not (address.is_multicast or address.is_unspecified)
        if any(address in network for network in self.allowed if network.version == address.version):
            return True
        return address.is_global and not address.is_multicast


def plain_address(text: str) -> Address:
    """An address, taken out of the IPv6 forms that stand for IPv4: mapped, 6to4, NAT64."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address if inner is None else inner


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class Dialer:
    """Opens connections. `ca_file`: authorities beside the system's. `speaks_h2`: HTTP/2 is offered by ALPN."""

    def __init__(self, guard: Guard, *, ca_file: str = "", speaks_h2: bool = True) -> None:
        self.guard = guard
        self._ca_file = ca_file
        self._speaks_h2 = speaks_h2 and can_speak_h2()
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def dial(
        self, origin: Origin, make: Callable[[], AnyProtocol], *, only_http_1: bool = False
    ) -> AnyProtocol:
        """A connection to an origin, whose protocol `make` makes. Raises `Refusal` 502, 504 or 403."""
        context = None
        if origin.scheme == "https":
            context = self._tls(speaks_h2=self._speaks_h2 and not only_http_1)
        return await self.connect(origin.host, origin.port, make, context=context)

    async def connect(
        self, host: str, port: int, make: Callable[[], AnyProtocol], *, context: ssl.SSLContext | None = None
    ) -> AnyProtocol:
        """A connection to one of the addresses of `host` that may be dialled. Raises `Refusal`.

        `host` is canonical: an IPv6 address stands in brackets.
        """
        host = host.strip("[]")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                addresses = await self._addresses(host, port)
                return await self._first(addresses, host, port, make, context)
        except TimeoutError:
            raise Refusal(
                504, "connect_timeout", "The upstream did not take the connection in time."
            ) from None

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise Refusal(502, "unknown_name", "The upstream's name has no address.") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        permitted = [address for address in addresses if self.guard.lets(address)]
        if not permitted:
            raise Refusal(
                403, "address_refused", "The upstream's address is one that is never dialled from here."
            )
        return permitted

    async def _first(
        self,
        addresses: list[str],
        host: str,
        port: int,
        make: Callable[[], AnyProtocol],
        context: ssl.SSLContext | None,
    ) -> AnyProtocol:
        loop = asyncio.get_running_loop()
        refusal = Refusal(502, "connect_failed", "The upstream does not take connections.")
        for address in addresses:
            try:
                _, protocol = await loop.create_connection(
                    make, address, port, ssl=context, server_hostname=host if context else None
                )
            except ssl.SSLCertVerificationError:
                raise Refusal(
                    502,
                    "certificate_refused",
                    "The upstream's certificate is not one that is trusted for its name.",
                ) from None
            except ssl.SSLError:
                refusal = Refusal(502, "tls_failed", "TLS with the upstream failed.")
            except OSError:
                continue
            else:
                return protocol
        raise refusal

    def _tls(self, *, speaks_h2: bool) -> ssl.SSLContext:
        context = self._contexts.get(speaks_h2)
        if context is None:
            context = self._contexts[speaks_h2] = tls_context(self._ca_file, None)
            context.set_alpn_protocols(["h2", "http/1.1"] if speaks_h2 else ["http/1.1"])
        return context


def can_speak_h2() -> bool:
    """True when the library for HTTP/2 is installed: it comes with the extra `gateway`."""
    return find_spec("h2") is not None
