"""The adapter for httpx and httpx2, written once: the two have the same API. `httpx.py` and `httpx2.py` bind it.

A transport is asked once per hop. It copies the request, puts the credential on the copy and sends that, so that
`request`, `response.request`, history, exceptions and httpx's INFO line never hold it (E1, E3, E12, F1, F2).

What a bare `Transport` cannot know is whether the caller streams. Then an answer of a record with a message
pattern is read up to 64 KiB ahead, unless the caller says `with streaming():`. `attach` knows (G10).
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..keeper.attempt import Attempt
from ..keeper.authenticator import Authenticator
from ..keeper.live import FOREVER, Live
from .bodies import nothing_to_do
from .httpx_queue import queue_of
from .httpx_request import Library, answer_of, encodings_of, hide_echo, place_of, rewind_of_stream, stamped
from .httpx_streams import drain, drain_async, peek, peek_async
from .outcome import KEY, authenticated
from .scrubbing import scrub
from .story import PeekBody, Renew, Story, story
from .streaming import STREAMS, streaming

__all__ = ["AsyncLogic", "Library", "Logic", "attach_to", "base_url"]


class _Common:
    """What the two transports share. `library` is bound by the subclass."""

    library: ClassVar[Library]
    _inner: Any
    _last_released: tuple[Any, ...] | None

    def __init__(self, authenticator: Authenticator, inner: Any = None) -> None:
        self._authenticator = authenticator
        self._source = authenticator.source
        self._time = authenticator.time
        self._monotonic = authenticator.monotonic
        self._authenticated = authenticated(authenticator.name)
        self._not_released = authenticator.not_released()
        self._judges_all = authenticator.has_pattern
        self._inner = self._default_inner() if inner is None else inner
        self._byte_stream = self.library.byte_stream
        self._place = place_of(self.library)
        self._last_released = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._authenticator.name!r})"

    def _default_inner(self) -> Any:
        raise NotImplementedError

    def _releases(self, reference: Any) -> bool:
        """Ask the authenticator. Most clients talk to one origin: the last that was released is tried first."""
        released = self._authenticator.releases(reference.scheme, reference.host, reference.port)
        if released:
            self._last_released = reference[self._place]
        return released

    def _begins(self, request: Any, live: Live, response: Any, attempt: Attempt) -> Story:
        return story(
            self._authenticator,
            attempt,
            live,
            answer_of(response),
            method=request.method,
            streamed=STREAMS.get(),
        )


class Logic(_Common):
    """A transport for `Client`: what `handle_request` does."""

    def _default_inner(self) -> Any:
        return self.library.transport()

    def handle_request(self, request: Any) -> Any:
        """Authenticate and send one hop. Raises what `Authenticator.credential` raises: then nothing was sent."""
        reference = request.url._uri_reference
        if reference[self._place] != self._last_released and not self._releases(reference):
            response = self._inner.handle_request(request)
            response.extensions.setdefault(KEY, self._not_released)
            return response
        stream = request.stream
        rewind = (
            nothing_to_do if type(stream) is self._byte_stream else rewind_of_stream(self.library, stream)
        )
        live: Any = self._source.live  # what `Authenticator.ready` says, without the call
        if live is None or (
            (until := live.deadlines) is not FOREVER
            and (self._time() >= until.renew_wall or self._monotonic() >= until.renew_monotonic)
        ):
            live = self._authenticator.credential()
        try:
            response = self._inner.handle_request(stamped(self.library, request, live))
        except Exception as error:
            scrub(error)
            raise
        if response.status_code < 300 and not self._judges_all:
            response.extensions[KEY] = self._authenticated
            return response
        hide_echo(response, live)
        attempt = self._authenticator.attempt(request.method, rewind is not None)
        return self._told(self._begins(request, live, response, attempt), attempt, request, response, rewind)

    def _send(self, request: Any, live: Live) -> Any:
        """The answer to a replay."""
        try:
            response = self._inner.handle_request(stamped(self.library, request, live))
        except Exception as error:
            scrub(error)
            raise
        hide_echo(response, live)
        return response

    def _told(self, steps: Story, attempt: Attempt, request: Any, response: Any, rewind: Any) -> Any:
        """The last answer of the story; a failure on the way closes the one at hand."""
        reply: Any = None
        try:
            while True:
                try:
                    need = steps.send(reply)
                except StopIteration:
                    break
                if isinstance(need, PeekBody):
                    reply = peek(self.library, response, encodings_of(response))
                elif isinstance(need, Renew):
                    reply = attempt.renewed(need.rejected)
                else:
                    drain(response)
                    rewind()
                    response = self._send(request, need.live)
                    reply = answer_of(response), need.live
        except BaseException:
            response.close()
            raise
        response.extensions[KEY] = attempt.outcome
        return response

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()


class AsyncLogic(_Common):
    """A transport for `AsyncClient`: what `handle_async_request` does."""

    _queue: Any = None
    """In front of the inner transport's pool, if that is the library's own: `httpx_queue.PoolQueue`."""

    def __init__(self, authenticator: Authenticator, inner: Any = None) -> None:
        super().__init__(authenticator, inner)
        self._queue = queue_of(self.library, self._inner)

    def _default_inner(self) -> Any:
        return self.library.async_transport()

    async def handle_async_request(self, request: Any) -> Any:
        """Authenticate and send one hop. Raises what `credential_async` raises: then nothing was sent."""
        reference = request.url._uri_reference
        if reference[self._place] != self._last_released and not self._releases(reference):
            response = await self._passed_on(request)
            response.extensions.setdefault(KEY, self._not_released)
            return response
        stream = request.stream
        rewind = (
            nothing_to_do if type(stream) is self._byte_stream else rewind_of_stream(self.library, stream)
        )
        live: Any = self._source.live  # what `Authenticator.ready` says, without the call
        if live is None or (
            (until := live.deadlines) is not FOREVER
            and (self._time() >= until.renew_wall or self._monotonic() >= until.renew_monotonic)
        ):
            # What `credential_async` does next; of a thousand that wait, each is a coroutine lighter.
            live = await self._source.obtain_async()
        queue = self._queue
        try:
            if queue is None or len(queue.pool._requests) < queue.room:
                response = await self._inner.handle_async_request(stamped(self.library, request, live))
            else:
                response, live = await self._in_turn(request, live)
        except Exception as error:
            scrub(error)
            raise
        if response.status_code < 300 and not self._judges_all:
            response.extensions[KEY] = self._authenticated
            return response
        hide_echo(response, live)
        attempt = self._authenticator.attempt(request.method, rewind is not None)
        return await self._told(
            self._begins(request, live, response, attempt), attempt, request, response, rewind
        )

    async def _passed_on(self, request: Any) -> Any:
        """The inner transport's answer to a request as it is."""
        queue = self._queue
        if queue is None:
            return await self._inner.handle_async_request(request)
        await queue.turn(_pool_timeout(request))
        try:
            return await self._inner.handle_async_request(request)
        finally:
            queue.sent()

    async def _in_turn(self, request: Any, live: Live) -> tuple[Any, Live]:
        """The answer to a request that waited for room in the pool, and the credential that it carried.

        A renewal may have come while it waited: then it carries the newer one.
        """
        queue = self._queue
        await queue.turn(_pool_timeout(request))
        try:
            live = self._authenticator.ready() or live
            return await self._inner.handle_async_request(stamped(self.library, request, live)), live
        finally:
            queue.sent()

    async def _send(self, request: Any, live: Live) -> tuple[Any, Live]:
        """The answer to a replay, and the credential that it carried."""
        try:
            if self._queue is None:
                response = await self._inner.handle_async_request(stamped(self.library, request, live))
            else:
                response, live = await self._in_turn(request, live)
        except Exception as error:
            scrub(error)
            raise
        hide_echo(response, live)
        return response, live

    async def _told(self, steps: Story, attempt: Attempt, request: Any, response: Any, rewind: Any) -> Any:
        """The last answer of the story; a failure or a cancellation on the way closes the one at hand."""
        reply: Any = None
        try:
            while True:
                try:
                    need = steps.send(reply)
                except StopIteration:
                    break
                if isinstance(need, PeekBody):
                    reply = await peek_async(self.library, response, encodings_of(response))
                elif isinstance(need, Renew):
                    reply = await attempt.renewed_async(need.rejected)
                else:
                    await drain_async(response)
                    rewind()
                    response, live = await self._send(request, need.live)
                    reply = answer_of(response), live
        except BaseException:
            await response.aclose()
            raise
        response.extensions[KEY] = attempt.outcome
        return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _pool_timeout(request: Any) -> float | None:
    """Seconds for which the caller lets this request wait for a connection."""
    timeout: float | None = request.extensions.get("timeout", {}).get("pool")
    return timeout


def attach_to(client: Any, wrap: Any, *, tells: bool) -> None:
    """Wrap every transport of `client` with `wrap`; if `tells`, the transports learn whether the caller streams.

    httpx has no public way to reach the transports of a client that exists: `_transport` and `_mounts` are used.
    """
    client._transport = wrap(client._transport)
    for pattern, transport in list(client._mounts.items()):
        if transport is not None:
            client._mounts[pattern] = wrap(transport)
    if not tells or getattr(client.send, "_authrecord", False):
        return
    client.send = _telling_async(client.send) if hasattr(client, "aclose") else _telling(client.send)


def _telling(send: Any) -> Any:
    def telling(request: Any, *, stream: bool = False, **options: Any) -> Any:
        if not stream:
            return send(request, **options)
        with streaming():
            return send(request, stream=True, **options)

    telling._authrecord = True  # type: ignore[attr-defined]  # a mark on a function: the client is wrapped once
    return telling


def _telling_async(send: Any) -> Any:
    async def streamed(request: Any, **options: Any) -> Any:
        with streaming():
            return await send(request, stream=True, **options)

    def telling(request: Any, *, stream: bool = False, **options: Any) -> Any:
        return streamed(request, **options) if stream else send(request, **options)

    telling._authrecord = True  # type: ignore[attr-defined]  # a mark on a function: the client is wrapped once
    return telling


def base_url(client: Any) -> str | None:
    """The client's base URL, if it has an absolute one."""
    url = client.base_url
    return str(url) if url.is_absolute_url else None
