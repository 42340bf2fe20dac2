"""The headers of a record, for a proxy that already stands there.

It serves nginx `auth_request`, Traefik `ForwardAuth`, Caddy `forward_auth` and Envoy `ext_authz`.
`GET /authorize/RECORD?origin=https://api.example.com` answers 200 with the record's headers as response headers. The
proxy's own configuration says where its requests go, in `origin` or in the header `X-Authrecord-Origin`; the record
must allow it. Nothing that the proxy's client sent decides anything (row O8).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, unquote

from ..clients.wire import wire_of
from ..core.errors import AuthrecordError
from ..core.expiry import Expired
from ..core.origin import Origin, origin_of
from ..keeper.authenticator import Authenticator
from ..keeper.live import Live
from .callers import Callers
from .desk import Reply
from .entrances import unknown_caller
from .grammar import RequestHead
from .metrics import Metrics
from .refusals import Refusal, without_credential
from .routes import Table

PREFIX: Final = b"/authorize/"
ORIGIN: Final = b"x-authrecord-origin"
REFUSED: Final = b"x-authrecord-refused"
"""The request header with the mark of a credential that the API has refused."""

MARK: Final = b"X-Authrecord-Mark: "
"""The answer's header that names the credential without showing it."""

QUERY: Final = b"X-Authrecord-Query: "
"""The answer's header with what belongs into the query."""


class Authorize:
    """Answers at a `desk`. `table` gives the rules as they are now: its records can be asked for."""

    def __init__(self, table: Callable[[], Table], callers: Callers, metrics: Metrics) -> None:
        self._table = table
        self._callers = callers
        self._metrics = metrics
        self._key = secrets.token_bytes(32)

    async def answer(self, head: RequestHead) -> Reply:
        """The headers. Raises `Refusal`: 401, 403, 404, or 502 when no credential can be had."""
        path, _, query = head.target.partition(b"?")
        if not path.startswith(PREFIX):
            raise Refusal(404, "not_found", "There is /authorize/RECORD.")
        name = unquote(path[len(PREFIX) :].partition(b"/")[0].decode("latin-1"))
        await self._check_caller(head, name)
        table = self._table()
        if name not in table.rules.records:
            raise Refusal(404, "no_record", "No rule of the gateway uses a record of that name.")
        try:
            authenticator = table.authenticator(name)
            authenticator.release(_origin(head, query))
            live = await self._live(authenticator, head)
            table.noted(name, live)
        except AuthrecordError as error:
            refusal = without_credential(name, error)
            refusal.status = 403 if error.code == "origin_refused" else 502
            raise refusal from None
        self._metrics.answered(200, 0.0, authenticated=True)
        return Reply(200, (*_lines(live), MARK + self._mark(live)))

    async def _check_caller(self, head: RequestHead, name: str) -> None:
        if self._callers.knows(head.fields)[0]:
            return
        if not self._callers.presents_something(head.fields):
            raise unknown_caller()
        if not (await self._callers.may_use(head.fields, (name,)))[0]:
            raise Refusal(403, "not_allowed", "This token may not use the record.")

    async def _live(self, authenticator: Authenticator, head: RequestHead) -> Live:
        """The credential; another one when the present one was refused, as often as the cool-down lets it."""
        live = authenticator.ready() or await authenticator.credential_async()
        refused = head.fields.first(REFUSED)
        if not refused or not hmac.compare_digest(refused, self._mark(live)):
            return live
        attempt = authenticator.attempt("GET", replayable=True)
        if not attempt.wants_renewal(live, Expired.STATUS):
            return live
        return await attempt.renewed_async(live) or live

    def _mark(self, live: Live) -> bytes:
        """Tells one credential from another, and says nothing of either."""
        text = "\n".join(f"{name}:{value}" for name, value in wire_of(live).headers) + wire_of(live).query
        return hmac.digest(self._key, text.encode("utf-8"), "sha256").hex()[:32].encode("ascii")


def _origin(head: RequestHead, query: bytes) -> Origin:
    named = head.fields.first(ORIGIN).decode("latin-1")
    given = parse_qs(query.decode("latin-1")).get("origin", [])
    text = named or (given[0] if len(given) == 1 else "")
    try:
        return origin_of(text)
    except ValueError:
        raise Refusal(
            400, "no_origin", "The proxy says where its request goes: ?origin=https://api.example.com."
        ) from None


def _lines(live: Live) -> list[bytes]:
    wire = wire_of(live)
    lines = [f"{name}: {value}".encode("latin-1") for name, value in wire.headers]
    if wire.cookies:
        lines.append(b"Cookie: " + wire.cookies.encode("latin-1"))
    if wire.query:
        lines.append(QUERY + wire.query.encode("ascii"))
    return lines
