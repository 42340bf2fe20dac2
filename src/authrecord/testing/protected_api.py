"""The API behind the honest server: it takes a token wherever a record may put it, and says "expired" as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Final

from .messages import Received, Reply, as_json, number, redirect
from .state import State

EXPIRED_ANSWERS: Final = ("401", "401_bare", "403_json", "200_body", "400", "302_login")
"""The ways in which the API can say that a token has expired."""

_GOOD = b'{"ok": true}'


@dataclass(slots=True)
class ApiSettings:
    """Where the API looks for the token, and how it refuses one. `delay` in seconds."""

    expired_answer: str = "401"
    prefix: str = "Bearer"
    header_name: str = "authorization"
    query_name: str = "access_token"
    key_name: str = "x-api-key"
    delay: float = 0.0


async def answer(received: Received, state: State, settings: ApiSettings) -> Reply:
    """The answer of `/api/…`: 200 with a good token or API key, otherwise "expired"."""
    if settings.delay:
        await asyncio.sleep(settings.delay)
    good = (
        state.live(presented_token(received, settings)) is not None
        or presented_key(received, settings) in state.api_keys
    )
    state.count(api_requests=1, api_ok=int(good), expired_answers=int(not good))
    if not good:
        return expired(settings.expired_answer)
    if received.path.endswith("/forbidden"):
        return as_json(
            {"error": "insufficient_scope"},
            403,
            (("www-authenticate", 'Bearer error="insufficient_scope", scope="admin"'),),
        )
    if received.path.endswith("/always-401"):
        return expired("401")
    return Reply(200, (("content-type", "application/json"),), _GOOD)


def presented_token(received: Received, settings: ApiSettings) -> str:
    """The token of the request: in the header behind the prefix, or in the query."""
    header = received.header(settings.header_name.lower())
    if header:
        if not settings.prefix:
            return header
        begin = len(settings.prefix) + 1
        return header[begin:] if header[:begin].lower() == f"{settings.prefix} ".lower() else ""
    return dict(received.query).get(settings.query_name, "") if received.raw_query else ""


def presented_key(received: Received, settings: ApiSettings) -> str:
    """The API key of the request: in a header, the query or a cookie of that name."""
    name = settings.key_name
    if received.header(name.lower()):
        return received.header(name.lower())
    if received.raw_query and name in dict(received.query):
        return dict(received.query)[name]
    cookies = SimpleCookie(received.header("cookie"))
    return cookies[name].value if name in cookies else ""


def expired(how: str) -> Reply:
    """An answer that says the token has expired, in one of the ways of `EXPIRED_ANSWERS`."""
    if how == "401":
        challenge = 'Bearer error="invalid_token", error_description="The access token expired"'
        return as_json({"error": "invalid_token"}, 401, (("www-authenticate", challenge),))
    if how == "401_bare":
        return Reply(401, (("content-type", "text/plain"),), b"unauthorized")
    if how == "403_json":
        return as_json({"code": 40301, "message": "access token expired"}, 403)
    if how == "200_body":
        return as_json({"ok": False, "errors": [{"message": "access token expired"}]}, 200)
    if how == "400":
        return as_json({"fault": "token has expired"}, 400)
    if how == "302_login":
        return redirect("/login?reason=session_expired")
    raise ValueError(f"expired_answer is one of {', '.join(EXPIRED_ANSWERS)}")


def echo(received: Received) -> Reply:
    """What arrived, as JSON: method, target, headers, query, body."""
    seen = {
        "method": received.method,
        "target": received.target,
        "headers": list(received.headers),
        "query": list(received.query),
        "body": received.body.decode("latin-1"),
    }
    return Reply(200, (("content-type", "application/json"),), json.dumps(seen).encode())


def stream(received: Received) -> Reply:
    """`/stream?chunks=10&pause=0`: numbered lines, chunked."""
    query = dict(received.query)
    count, pause = int(number(query, "chunks", 10)), number(query, "pause", 0)

    async def chunks() -> AsyncIterator[bytes]:
        for line in range(count):
            yield f"line {line}\n".encode()
            await asyncio.sleep(pause)

    return Reply(200, (("content-type", "text/plain"),), chunks=chunks)


def events(received: Received) -> Reply:
    """`/events?events=3&pause=0`: server-sent events."""
    query = dict(received.query)
    count, pause = int(number(query, "events", 3)), number(query, "pause", 0)

    async def chunks() -> AsyncIterator[bytes]:
        for event in range(count):
            yield f"id: {event}\ndata: event {event}\n\n".encode()
            await asyncio.sleep(pause)

    return Reply(200, (("content-type", "text/event-stream"),), chunks=chunks)
