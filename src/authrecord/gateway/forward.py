"""The forward proxy: plain HTTP by absolute targets, HTTPS by CONNECT.

What is put on a request is decided by the host that is dialled. Only hosts that a rule speaks of are opened; every
other one is an opaque tunnel, or refused, as the rules say. `CONNECT`, the TLS server name and `Host` must agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.origin import Origin, canonical_host, origin_of
from .authority import Authority
from .callers import Callers
from .entrances import Found, Reverse, Seen, bypasses, check_host, echoing, origin_as_host, unknown_caller
from .grammar import Field, Fields, RequestHead
from .refusals import Refusal, malformed
from .routes import Destination
from .rules import MOST_ORIGINS, Unmatched

if TYPE_CHECKING:
    from .service import Service


class Connect:
    """A `CONNECT`. `inner` says what requests mean inside of it; `None` for an opaque tunnel. `tls`: as whom."""

    __slots__ = ("authority", "host", "inner", "port")

    def __init__(self, host: str, port: int, inner: Reverse | None, authority: Authority | None) -> None:
        self.host = host
        self.port = port
        self.inner = inner
        self.authority = authority


class Forward:
    """The entrance of a forward proxy. `bare`: no request gets a credential, and nothing is opened."""

    def __init__(
        self,
        service: Service,
        callers: Callers,
        authority: Authority | None,
        *,
        bare: bool = False,
        is_shared: bool = False,
    ) -> None:
        self._service = service
        self._callers = callers
        self._authority = authority
        self._bare = bare
        self._is_shared = is_shared
        self._origins: dict[bytes, Origin] = {}

    def find(self, head: RequestHead) -> Found | Connect | None:
        """The meaning of a request; `None` when `ask` must be awaited. Raises `Refusal`: 407 for a stranger."""
        seen = head.fields.sent_by
        if not isinstance(seen, Seen) or seen.entrance is not self:
            known, spent = self._callers.knows(head.fields)
            seen = head.fields.sent_by = Seen(self, known=known, spent=spent, bypasses=bypasses(head.fields))
        if not seen.known:
            if self._callers.presents_something(head.fields):
                return None
            raise unknown_caller(407)
        if head.method == b"CONNECT":
            return self._connect(head, _Known())
        return self._plain(head, seen)

    async def ask(self, head: RequestHead) -> Found | Connect:
        """The same for a caller with an API token. Raises `Refusal`: 403 when it may not use the records."""
        if head.method == b"CONNECT":
            # Which records it takes is known inside only, so the token is asked about there, for each request.
            found = self._connect(head, _Proven(self._callers, head.fields))
            if found.inner is None:
                raise Refusal(403, "not_allowed", "An API token opens the hosts of its records only.")
            return found
        seen = head.fields.sent_by
        assert isinstance(seen, Seen)  # noqa: S101 - `find` came first; states it for the type
        wanted = self._plain(head, Seen(self, known=True, spent=None, bypasses=False))
        allowed, spent = await self._callers.may_use(head.fields, wanted.route.records)
        if not allowed:
            raise Refusal(403, "not_allowed", "This token may not use the records of this request.")
        return self._plain(head, Seen(self, known=False, spent=spent, bypasses=seen.bypasses))

    def _connect(self, head: RequestHead, inner_callers: Callers) -> Connect:
        host, port = _authority(head.target)
        hosts = head.fields.values(b"host")
        if len(hosts) > 1 or (hosts and _authority(hosts[0], port) != (host, port)):
            raise Refusal(421, "wrong_host", "Host and the target of CONNECT disagree.", closes=True)
        table = self._service.table
        for scheme in ("https", "http"):
            origin = Origin(scheme, host, port)
            if self._bare or not table.has(origin):
                continue
            if scheme == "https" and self._authority is None:
                raise Refusal(
                    403, "no_authority", "This proxy has no certificate authority to open HTTPS with."
                )
            inner = Reverse(
                self._service,
                origin,
                inner_callers,
                hosts=origin_as_host(origin) | {head.target.lower()},
                is_shared=self._is_shared,
            )
            return Connect(host, port, inner, self._authority if scheme == "https" else None)
        if table.rules.unmatched is Unmatched.REFUSE:
            raise Refusal(403, "no_rule", "No rule of the gateway speaks of this host.")
        return Connect(host, port, None, None)

    def _plain(self, head: RequestHead, seen: Seen) -> Found:
        origin, target, written = self._destination(head)
        check_host(head, origin_as_host(origin) | {written.lower()})
        there = Destination(self._service.table, origin)
        route = there.route(head.method, target)
        if self._bare or seen.bypasses:
            self._service.metrics.bypassed += 1
            route = there.bare()
        if head.method == b"TRACE" and route.authenticators:
            raise echoing()
        return Found(route, target, seen.spent, is_shared=self._is_shared)

    def _destination(self, head: RequestHead) -> tuple[Origin, bytes, bytes]:
        """The origin of an absolute target, what is left of the target, to the byte, and the origin as written."""
        scheme, separator, rest = head.target.partition(b"://")
        if not separator or scheme.lower() != b"http":
            raise malformed("a forward proxy takes an absolute http target, or CONNECT")
        end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
        authority, target = rest[:end], rest[end:]
        if b"#" in rest:
            raise malformed("the target holds a fragment")
        origin = self._origins.get(authority)
        if origin is None:
            try:
                origin = origin_of("http://" + authority.decode("ascii"))
            except (ValueError, UnicodeDecodeError):
                raise malformed("the target names no host") from None
            if len(self._origins) >= MOST_ORIGINS:
                self._origins.clear()
            self._origins[authority] = origin
        return origin, target if target[:1] == b"/" else b"/" + target, authority


class _Known(Callers):
    """Inside of a `CONNECT` that the password has opened: everything."""

    def __init__(self) -> None:
        """Nothing is needed."""

    def knows(self, fields: Fields) -> tuple[bool, Field | None]:
        """Always."""
        return True, None


class _Proven(Callers):
    """Inside of a `CONNECT` with an API token: what the token in the `proof` may use."""

    def __init__(self, callers: Callers, proof: Fields) -> None:
        self._callers = callers
        self._proof = proof

    def knows(self, fields: Fields) -> tuple[bool, Field | None]:
        """Never by itself."""
        return False, None

    def presents_something(self, fields: Fields) -> bool:
        """The token of the `CONNECT`."""
        return True

    async def may_use(self, fields: Fields, records: tuple[str, ...]) -> tuple[bool, Field | None]:
        """See `Callers`; no field inside is for the gateway."""
        return (await self._callers.may_use(self._proof, records))[0], None


def _authority(text: bytes, usual_port: int = 0) -> tuple[str, int]:
    """Host and port of `host:port`. Raises `Refusal`."""
    host, colon, port = text.decode("latin-1").rpartition(":")
    if usual_port and (not colon or not port.isdigit()):
        host, port = text.decode("latin-1"), str(usual_port)
    try:
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535):
            raise ValueError("no port")
        return canonical_host(host), int(port)
    except ValueError:
        raise malformed("the target of CONNECT is not a host and a port") from None
