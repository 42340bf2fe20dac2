"""aiohttp: a middleware that authenticates.

```
session = ClientSession(middlewares=[middleware(authenticator)])
session = attach(ClientSession(), authenticator)
```

A middleware is asked once per hop. It sends a copy of the request, which carries the credential only while its
head is being written: see `aiohttp_request`. Put it last in the list, next to the wire; `attach` does.

`auth=` of a session is not used: what it sets is in `response.request_info`, and a custom header stays on the
request when a redirect leads elsewhere. Every answer of aiohttp is a stream, so that an answer of a record with
a message pattern is read up to 64 KiB ahead, unless the caller says `with streaming():`.
"""

from __future__ import annotations

from typing import Any

from aiohttp import (
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ServerDisconnectedError,
)

from ..core.replay import Outcome
from ..keeper.attempt import Attempt
from ..keeper.authenticator import Authenticator
from ..keeper.live import FOREVER, Live
from .aiohttp_request import carried, stamped
from .aiohttp_response import answer_of, drain, hide_echo, peek
from .outcome import authenticated
from .scrubbing import scrub
from .story import PeekBody, Renew, Story, story
from .streaming import STREAMS


class Middleware:
    """Authenticates each hop to the record's own origins."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._source = authenticator.source
        self._time = authenticator.time
        self._monotonic = authenticator.monotonic
        self._authenticated = authenticated(authenticator.name)
        self._not_released = authenticator.not_released()
        self._judges_all = authenticator.has_pattern
        self._last_released: tuple[str, str, int | None] | None = None

    def __repr__(self) -> str:
        return f"Middleware({self._authenticator.name!r})"

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Authenticate and send one hop. Raises what `credential_async` raises: then nothing was sent."""
        url = request.url  # what `aiohttp_request.releases` asks, without the call: this is the hot path
        where = (url.scheme, url.raw_host or "", url.explicit_port)
        if where != self._last_released and not self._releases(where):
            response = await handler(request)
            return _kept(response, getattr(response, "authrecord", self._not_released))
        live: Any = self._source.live  # what `Authenticator.ready` says, without the call
        if live is None or (
            (until := live.deadlines) is not FOREVER
            and (self._time() >= until.renew_wall or self._monotonic() >= until.renew_monotonic)
        ):
            # What `credential_async` does next; of a thousand that wait, each is a coroutine lighter.
            live = await self._source.obtain_async()
        copy = stamped(request, self._authenticator, live)
        try:
            response = await handler(copy)
        except Exception as error:
            await _failed(copy, error)
            raise
        if response.status < 300 and not self._judges_all:
            response.authrecord = self._authenticated  # type: ignore[attr-defined]  # read by `outcome`
            return response
        live = carried(copy)
        hide_echo(response, live)
        return await self._judged(request, copy, response, handler, live)

    def _releases(self, where: tuple[str, str, int | None]) -> bool:
        """Ask the authenticator. Most sessions talk to one origin: the last that was released is tried first."""
        released = self._authenticator.releases(*where)
        if released:
            self._last_released = where
        return released

    async def _judged(
        self,
        request: ClientRequest,
        copy: ClientRequest,
        response: ClientResponse,
        handler: ClientHandlerType,
        live: Live,
    ) -> ClientResponse:
        body = request._body
        attempt = self._authenticator.attempt(request.method, body is None or not body.consumed)
        steps = story(
            self._authenticator,
            attempt,
            live,
            answer_of(response),
            method=request.method,
            streamed=STREAMS.get(),
        )
        return await self._told(steps, attempt, request, copy, response, handler)

    async def _told(
        self,
        steps: Story,
        attempt: Attempt,
        request: ClientRequest,
        copy: ClientRequest,
        response: ClientResponse,
        handler: ClientHandlerType,
    ) -> ClientResponse:
        """The last answer of the story; a failure or a cancellation on the way closes the one at hand."""
        reply: Any = None
        try:
            while True:
                try:
                    need = steps.send(reply)
                except StopIteration:
                    break
                if isinstance(need, PeekBody):
                    reply = await peek(response)
                elif isinstance(need, Renew):
                    reply = await attempt.renewed_async(need.rejected)
                else:
                    await drain(response)
                    await copy.close()  # a body that is still being written would be read by two at once
                    copy = stamped(request, self._authenticator, need.live)
                    response = await _send(copy, handler)
                    reply = answer_of(response), carried(copy)
        except BaseException:
            response.close()
            raise
        return _kept(response, attempt.outcome)


async def _send(copy: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    try:
        response = await handler(copy)
    except Exception as error:
        await _failed(copy, error)
        raise
    hide_echo(response, carried(copy))
    return response


async def _failed(copy: ClientRequest, error: Exception) -> None:
    scrub(error)
    if isinstance(error, (ClientOSError, ServerDisconnectedError)):
        await copy.close()  # the session may send again, and closes only the request that it knows


def _kept(response: Any, outcome: Outcome) -> ClientResponse:
    response.authrecord = outcome
    kept: ClientResponse = response
    return kept


def middleware(authenticator: Authenticator) -> Middleware:
    """For `ClientSession(middlewares=[…])`, or for one request's `middlewares=`."""
    return Middleware(authenticator)


def attach(session: ClientSession, authenticator: Authenticator) -> ClientSession:
    """`session` itself, from now on authenticated. A request's own `middlewares=` takes the place of the session's."""
    session._middlewares = (*session._middlewares, Middleware(authenticator))
    return session


def base_url(session: ClientSession) -> str | None:
    """The session's base URL, if it has one."""
    url = session._base_url
    return None if url is None else str(url)


__all__ = ["Middleware", "attach", "base_url", "middleware"]
