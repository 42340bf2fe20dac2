"""A gateway with its listeners: everything is bound before the first request is taken."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ..core.errors import RecordFault
from ..core.origin import Origin
from ..core.secret import Secret
from .authority import Authority
from .authorize import Authorize
from .caller import CallerConnection
from .callers import Callers, Tokens
from .desk import DeskConnection
from .entrances import Reverse
from .forward import Forward
from .listening import Listen, Make, served
from .moments import Shown
from .openmetrics import answer_with
from .rules import Rules
from .service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways in. Each is optional.

    `reverse`: requests go to `upstream`, with credentials. `bare`: the same without. `forward`: a forward proxy,
    which opens HTTPS by `authority`. `authorize`: headers for other proxies. `metrics`: OpenMetrics, for this
    machine only.
    `names`: what `Host` may say beside a listener's own address. `password`: opens the listeners of this machine.
    `tls`: for listeners beyond it, which `tokens` alone open.
    """

    upstream: Origin | None = None
    reverse: Listen | None = None
    bare: Listen | None = None
    forward: Listen | None = None
    authority: Authority | None = None
    authorize: Listen | None = None
    metrics: Listen | None = None
    names: tuple[str, ...] = ()
    password: Secret | None = None
    tokens: Tokens | None = None
    tls: ssl.SSLContext | None = None


@dataclass(slots=True)
class Running:
    """A gateway that takes requests. `places`: where each way in really listens."""

    service: Service
    places: dict[str, Listen] = field(default_factory=dict)
    _servers: list[asyncio.Server] = field(default_factory=list)

    @property
    def shown(self) -> Shown:
        """What there is to see of it."""
        service = self.service
        return Shown(service.metrics, self.places, _up_to_date, service.time, service.monotonic)

    async def close(self) -> None:
        """Take no more requests, end those under way, close everything."""
        for server in self._servers:
            server.close()
        await self.service.close()


async def _up_to_date() -> None:
    """The counters of this process are always."""


def only_upstream(rules: Rules) -> Origin:
    """The one origin that rules speak of. Raises `RecordFault` when there are several, or only patterns."""
    exact = {origin for rule in rules.all for origin in rule.origins.exact}
    if len(exact) == 1 and not any(rule.origins.below for rule in rules.all):
        return exact.pop()
    raise RecordFault(
        "the rules speak of more than one origin.",
        field="upstream",
        hint="Say where a reverse gateway's requests go: --upstream https://api.example.com.",
    )


async def started(service: Service, ways: Ways) -> Running:
    """Listen at every way in. Raises `RecordFault` for an unsafe one, `StoreFault` for a place that is taken."""
    running = Running(service)
    try:
        if ways.reverse is not None:
            await _open(running, "reverse", ways.reverse, ways, partial(_reverse, service, ways, False))
        if ways.bare is not None:
            await _open(running, "bare", ways.bare, ways, partial(_reverse, service, ways, True))
        if ways.forward is not None:
            await _open(running, "forward", ways.forward, ways, partial(_forward, service, ways))
        if ways.authorize is not None:
            await _open(running, "authorize", ways.authorize, ways, partial(_authorize, service, ways))
        if ways.metrics is not None:
            await _open(running, "metrics", ways.metrics, ways, partial(_metrics, service))
    except BaseException:
        await running.close()
        raise
    return running


_FIELDS = {
    "reverse": "listen",
    "bare": "bare_listen",
    "forward": "proxy_listen",
    "authorize": "authorize_listen",
}


def _reverse(
    service: Service, ways: Ways, bare: bool, listen: Listen, hosts: frozenset[bytes]
) -> Callable[[], asyncio.BaseProtocol]:
    if ways.upstream is None:
        raise RecordFault("a reverse gateway needs an upstream.", field="upstream")
    entrance = Reverse(
        service,
        ways.upstream,
        _callers(service, ways, listen, reverse=True),
        hosts=hosts,
        bare=bare,
        is_shared=not listen.is_local,
    )
    return lambda: CallerConnection(service, entrance)


def _forward(
    service: Service, ways: Ways, listen: Listen, hosts: frozenset[bytes]
) -> Callable[[], asyncio.BaseProtocol]:
    entrance = Forward(
        service,
        _callers(service, ways, listen, reverse=False),
        ways.authority,
        is_shared=not listen.is_local,
    )
    return lambda: CallerConnection(service, entrance)


def _authorize(
    service: Service, ways: Ways, listen: Listen, hosts: frozenset[bytes]
) -> Callable[[], asyncio.BaseProtocol]:
    callers = _callers(service, ways, listen, reverse=True)
    desk = Authorize(lambda: service.table, callers, service.metrics)
    return lambda: DeskConnection(desk.answer, hosts)


def _callers(service: Service, ways: Ways, listen: Listen, *, reverse: bool) -> Callers:
    """Other machines prove themselves by tokens, each for its records; the one password is for this machine."""
    password = ways.password if listen.is_local else None
    return Callers(password, ways.tokens, reverse=reverse, monotonic=service.monotonic)


def _metrics(service: Service, listen: Listen, hosts: frozenset[bytes]) -> Callable[[], asyncio.BaseProtocol]:
    return lambda: DeskConnection(partial(answer_with, service.metrics), hosts)


async def _open(running: Running, name: str, listen: Listen, ways: Ways, make: Make) -> None:
    tls = None if listen.is_local else checked_tls(name, listen, ways.tls, ways.tokens)
    place, server = await served(listen, make, names=ways.names, tls=tls)
    running._servers.append(server)
    running.places[name] = place


def checked_tls(
    name: str, listen: Listen, tls: ssl.SSLContext | None, tokens: Tokens | None
) -> ssl.SSLContext:
    """Beyond this machine a password alone in the clear is not enough. Raises `RecordFault`."""
    if name == "metrics":
        raise RecordFault(
            f"{listen} can be reached from other machines, and metrics ask nobody who they are.",
            field="metrics_listen",
            hint="Let a scraper of this machine read them at 127.0.0.1.",
            code="not_local",
        )
    if tls is None or tokens is None:
        missing = "TLS" if tls is None else "API tokens"
        raise RecordFault(
            f"{listen} can be reached from other machines: that needs TLS and API tokens, and there is no {missing}.",
            field=_FIELDS[name],
            hint="Listen at 127.0.0.1 or at a Unix socket, or give --tls-certificate and --tls-key.",
            code="not_local",
        )
    return tls
