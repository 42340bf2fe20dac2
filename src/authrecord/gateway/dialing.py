"""Connections to upstreams: which addresses may be dialled, and under which TLS.

A name is resolved once; the addresses are judged, and the connection goes to one of those that were judged. So a
name that changes between the look and the connection leads nowhere new (rows M12, M13).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias, TypeVar

from ..clients.egress import Permits
from ..clients.sender_tls import tls_context
from ..core.errors import RecordFault
from ..core.origin import Origin
from .refusals import upstream_failure

CONNECT_SECONDS: Final = 10.0

Network: TypeAlias = IPv4Network | IPv6Network

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


class Dialer:
    """Opens connections to addresses that `permits` lets through.

    `ca_file`: authorities beside the system's. `speaks_h2`: HTTP/2 is offered by ALPN.
    """

    def __init__(self, permits: Permits, *, ca_file: str = "", speaks_h2: bool = True) -> None:
        self._permits = permits
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
            raise upstream_failure("connect_timeout") from None

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise upstream_failure("unknown_name") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        permitted = [address for address in addresses if self._permits(address)]
        if not permitted:
            raise upstream_failure("address_refused")
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
        refusal = upstream_failure("connect_failed")
        for address in addresses:
            try:
                _, protocol = await loop.create_connection(
                    make, address, port, ssl=context, server_hostname=host if context else None
                )
            except ssl.SSLCertVerificationError:
                raise upstream_failure("certificate_refused") from None
            except ssl.SSLError:
                refusal = upstream_failure("tls_failed")
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


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that may be dialled although they are private. Raises `RecordFault` for a text that is none."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError:
        raise RecordFault(
            "a network to allow cannot be read.", field="allow-network", hint="Write it as 10.1.0.0/16."
        ) from None


def can_speak_h2() -> bool:
    """True when the library for HTTP/2 is installed: it comes with the extra `gateway`."""
    return find_spec("h2") is not None
