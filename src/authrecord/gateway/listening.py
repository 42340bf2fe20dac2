"""Where the gateway listens: an address and port, or a Unix socket; beyond this machine only under TLS (row M17)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..core.errors import RecordFault, StoreFault

BACKLOG: Final = 1024

Make: TypeAlias = "Callable[[Listen, frozenset[bytes]], Callable[[], asyncio.BaseProtocol]]"
"""Makes what makes the protocol of a connection, for a place and for what `Host` may say there."""


@dataclass(frozen=True, slots=True)
class Listen:
    """`host` and `port` (0: a free one), or the `path` of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_local(self) -> bool:
        """True when only programs of this machine reach it."""
        return bool(self.path) or self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parsed_listen(text: str, *, field: str = "listen") -> Listen:
    """`127.0.0.1:8080`, `[::1]:8080`, `localhost:0` or `unix:/run/gateway.sock`. Raises `RecordFault`."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/"):
            raise RecordFault("the path of a Unix socket is absolute.", field=field, hint="unix:/run/….sock")
        return Listen(path=path)
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        number = int(port)
        if host != "localhost":
            ipaddress.ip_address(host)
    except ValueError:
        number = -1
    if not colon or not 0 <= number <= 65535:
        raise RecordFault(
            "the address to listen at is not one.",
            field=field,
            hint="Write an IP address or localhost with a port, such as 127.0.0.1:8080, or unix:/path.",
        )
    return Listen(host, number)


def bound(listen: Listen) -> socket.socket:
    """A socket that listens there. Raises `StoreFault` when the place is taken or not ours."""
    try:
        return _unix(listen.path) if listen.path else _tcp(listen)
    except OSError as error:
        raise StoreFault(
            f"cannot listen at {listen}: {error.strerror or error}.",
            hint="Name another address, or end what listens there.",
            code="port_taken",
        ) from None


async def served(
    listen: Listen, make: Make, *, names: tuple[str, ...], tls: ssl.SSLContext | None
) -> tuple[Listen, asyncio.Server]:
    """A server there, and where it really listens. `make`: what makes the protocol of a connection.

    Raises `StoreFault` as `bound` does, and what `make` raises.
    """
    listening = bound(listen)
    try:
        place = listen if listen.path else Listen(listen.host, port_of(listening))
        protocol = make(place, host_names(place, place.port, names))
        loop = asyncio.get_running_loop()
        if listening.family == socket.AF_UNIX:
            return place, await loop.create_unix_server(protocol, sock=listening)
        return place, await loop.create_server(protocol, sock=listening, ssl=tls)
    except BaseException:
        listening.close()
        raise


def _tcp(listen: Listen) -> socket.socket:
    host = "127.0.0.1" if listen.host == "localhost" else listen.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, since asyncio sends without delay only on sockets that say so.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if sys.platform == "linux":  # elsewhere the option lets another program listen beside us
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, listen.port))
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _unix(path: str) -> socket.socket:
    """A socket that only its owner may connect to. One that a dead program left behind is taken away."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if os.path.lexists(path) and stat.S_ISSOCK(os.lstat(path).st_mode) and not _answers(path):
            os.unlink(path)
        before = os.umask(0o177)
        try:
            made.bind(path)
        finally:
            os.umask(before)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _answers(path: str) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def port_of(listening: socket.socket) -> int:
    """The port that a socket got; 0 for a Unix socket."""
    name = listening.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0


def host_names(listen: Listen, port: int, names: tuple[str, ...]) -> frozenset[bytes]:
    """What `Host` may say at a listener: its own address, this machine's loopback names, and `names` (row M1)."""
    hosts = {"localhost", "127.0.0.1", "[::1]"} if listen.is_local else set[str]()
    if listen.host:
        hosts.add(f"[{listen.host}]" if ":" in listen.host else listen.host)
    allowed = {f"{host}:{port}" for host in hosts}
    if port in (80, 443) or listen.path:
        allowed |= hosts
    for name in names:
        allowed |= {name.lower(), f"{name.lower()}:{port}"}
    return frozenset(one.encode("ascii", "replace") for one in allowed)


def tls_of(certificate_file: str, key_file: str) -> ssl.SSLContext:
    """TLS of a listener, with the operator's certificate. Raises `RecordFault`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate_file, key_file or None, password=lambda: "")
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise RecordFault(
            "the certificate or its key cannot be used.",
            field="tls_certificate",
            hint="Both are PEM files; the key belongs to the certificate and is not encrypted.",
        ) from None
    return context
