"""The ways in: what a request at a listener means, before anything is done for it.

An entrance decides by the listener, never by the client's words, where a request goes; `Host` must merely agree
(rows O6, O10, M1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.origin import Origin
from .callers import Callers
from .dressing import BYPASS
from .grammar import Field, Fields, RequestHead
from .refusals import Refusal, malformed
from .routes import Destination, Route, host_of

if TYPE_CHECKING:
    from .service import Service


class Found:
    """What an entrance made of a request: its route, the target to send, and the field that was for the gateway.

    `is_shared`: others than this machine's programs may see the answer, so caches are told (row O21).
    """

    __slots__ = ("is_shared", "route", "spent", "target")

    def __init__(self, route: Route, target: bytes, spent: Field | None, *, is_shared: bool) -> None:
        self.route = route
        self.target = target
        self.spent = spent
        self.is_shared = is_shared


class Seen:
    """What is remembered of a client's fields, which it repeats: who it is, and whether it wants no credential."""

    __slots__ = ("bypasses", "entrance", "known", "spent")

    def __init__(self, entrance: object, *, known: bool, spent: Field | None, bypasses: bool) -> None:
        self.entrance = entrance
        self.known = known
        self.spent = spent
        self.bypasses = bypasses


class Reverse:
    """A reverse gateway: every request goes to one origin.

    `hosts`: what `Host` may say, lower case. `bare`: the port whose requests get no credential. `is_shared`: the
    listener stands beyond loopback.
    """

    def __init__(
        self,
        service: Service,
        origin: Origin,
        callers: Callers,
        *,
        hosts: frozenset[bytes],
        bare: bool = False,
        is_shared: bool = False,
    ) -> None:
        self._service = service
        self._origin = origin
        self._callers = callers
        self._hosts = hosts
        self._bare = bare
        self._is_shared = is_shared
        self._there = Destination(service.table, origin)

    def find(self, head: RequestHead) -> Found | None:
        """The meaning of a request; `None` when `ask` must be awaited. Raises `Refusal`."""
        target, seen = head.target, head.fields.sent_by
        if not isinstance(seen, Seen) or seen.entrance is not self:
            seen = self._look_at(head)
        self._check(head)
        if not seen.known:
            if self._callers.presents_something(head.fields):
                return None
            raise unknown_caller()
        route = self._route(head, bare=self._bare or seen.bypasses)
        return Found(route, target, seen.spent, is_shared=self._is_shared)

    async def ask(self, head: RequestHead) -> Found:
        """The same for a caller with an API token. Raises `Refusal`: 403 when it may not use the records.

        Who may use them may send the request without them too.
        """
        seen = head.fields.sent_by
        assert isinstance(seen, Seen)  # noqa: S101 - `find` came first; states it for the type
        wanted = self._route(head, bare=False)
        allowed, spent = await self._callers.may_use(head.fields, wanted.records)
        if not allowed:
            raise Refusal(403, "not_allowed", "This token may not use the records of this request.")
        route = self._route(head, bare=True) if self._bare or seen.bypasses else wanted
        return Found(route, head.target, spent, is_shared=self._is_shared)

    def _look_at(self, head: RequestHead) -> Seen:
        check_host(head, self._hosts)
        known, spent = self._callers.knows(head.fields)
        seen = Seen(self, known=known, spent=spent, bypasses=bypasses(head.fields))
        head.fields.sent_by = seen
        return seen

    def _check(self, head: RequestHead) -> None:
        target = head.target
        if head.method == b"CONNECT":
            raise Refusal(405, "not_a_proxy", "This port is no forward proxy.", closes=True)
        if target[:1] != b"/" and not (target == b"*" and head.method == b"OPTIONS"):
            raise malformed("the target is not a path: the origin is fixed")
        if b"#" in target:
            raise malformed("the target holds a fragment")

    def _route(self, head: RequestHead, *, bare: bool) -> Route:
        there = self._there
        if there.table is not self._service.table:  # the rules have changed
            there = self._there = Destination(self._service.table, self._origin)
        route = there.usual or there.route(head.method, head.target)
        if bare:
            self._service.metrics.bypassed += 1
            route = there.bare()
        if head.method == b"TRACE" and route.authenticators:
            raise echoing()
        return route


def check_host(head: RequestHead, allowed: frozenset[bytes]) -> None:
    """Raises `Refusal`: 400 for a missing or repeated `Host`, 421 for one that is not this listener's (row M1)."""
    hosts = head.fields.values(b"host")
    if len(hosts) > 1 or (not hosts and head.minor):
        raise malformed("Host must stand there once")
    if hosts and hosts[0].lower() not in allowed:
        raise Refusal(421, "wrong_host", "Host names something else than this gateway.", closes=True)


def bypasses(fields: Fields) -> bool:
    """True when the request asks not to be authenticated."""
    return any(field.name == BYPASS for field in fields.all)


def unknown_caller(status: int = 401) -> Refusal:
    """Who are you? 401, or 407 at a forward proxy."""
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    return Refusal(
        status,
        "unknown_caller",
        "The gateway asks for its password or an API token.",
        headers=((name, 'Basic realm="authrecord"'),),
    )


def echoing() -> Refusal:
    """`TRACE` would show the credential to the client (RFC 9110 §9.3.8, row O11)."""
    return Refusal(405, "trace", "TRACE is sent without a credential only.", headers=(("Allow", "GET"),))


def origin_as_host(origin: Origin) -> frozenset[bytes]:
    """What `Host` may say for an origin: with its port, and without it where it is the scheme's own."""
    full = f"{origin.host}:{origin.port}".encode("ascii")
    return frozenset((full, host_of(origin)))
