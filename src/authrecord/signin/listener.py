"""The loopback listener of one login: it opens late, answers strictly, and closes at once.

Whatever arrives that is not this login's answer changes nothing: junk, slow connections, other paths, other
hosts, answers with another state. The query of a request is never logged.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from secrets import token_urlsafe
from typing import Final, Self

import h11

from ..core.errors import AuthrecordError
from ..core.origin import LOOPBACK_HOSTS
from ..core.secret import Secret
from ..grants.pending import LONGEST_ANSWER, Answer, parse_answer
from . import pages
from .binding import Binding, ended
from .callback import Callback
from .sockets import listening_sockets

HEAD_SECONDS: Final = 5.0
"""How long a connection may take to send its request (A17)."""

LINGER_SECONDS: Final = 2.0
"""How long the listener stays for the last page to be fetched, and a connection for its peer to close."""

MOST_CONNECTIONS: Final = 200
LONGEST_HEAD: Final = 192 * 1024


class Verdict(Enum):
    """What became of an answer."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    NOT_OURS = "not ours"
    ALREADY_USED = "already used"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and for a failure what to say."""

    verdict: Verdict
    message: str = ""
    hint: str = ""


Judge = Callable[[Answer], Judged]
"""Decides about an answer. Called in a thread of its own; may take as long as a token request."""


class CallbackListener:
    """Listens for the answer of one login, from `with` to its end. `redirect_uri` is where.

    `implicit`: the answer comes in the fragment. Raises `RecordFault` when the port cannot be had.
    """

    def __init__(self, callback: Callback, record: str, *, implicit: bool) -> None:
        self._callback = callback
        self._record = record
        self._implicit = implicit
        self._judge: Judge | None = None
        self._authorization_url = Secret("")
        self._binding = Binding(lambda: token_urlsafe(32))
        self._end: Judged | None = None
        self._judging = 0
        self._served_end = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="authrecord-callback", daemon=True
        )
        self._open: dict[asyncio.Task[None], None] = {}
        self._heard: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self.port = 0

    @property
    def redirect_uri(self) -> str:
        """The callback URL, with the port that is listened on."""
        return self._callback.redirect_uri(self.port)

    @property
    def start_url(self) -> str:
        """What the browser opens: a page of ours that leads to the provider, once."""
        return f"http://{self._callback.host}:{self.port}{self._binding.path}"

    def expect(self, judge: Judge, authorization_url: Secret) -> None:
        """From now on the start page leads to `authorization_url`, and answers are handed to `judge`."""
        self._authorization_url = authorization_url
        self._judge = judge

    def end(self, judged: Judged) -> None:
        """The login has ended elsewhere, by a pasted address."""
        self._end = judged
        self._served_end.set()

    def __enter__(self) -> Self:
        sockets = listening_sockets(self._callback)
        self.port = sockets[0].getsockname()[1]
        self._thread.start()
        for one in sockets:
            started = asyncio.start_server(self._serve, sock=one, limit=LONGEST_HEAD)
            self._servers.append(asyncio.run_coroutine_threadsafe(started, self._loop).result(10))
        return self

    def __exit__(self, *exception: object) -> None:
        if self._end is not None or self._judging:
            self._served_end.wait(LINGER_SECONDS)
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is a task; states it for the type
        self._open[task] = None
        self._make_room()
        try:
            await self._talk(reader, writer, task)
        except (ConnectionError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            pass  # junk, a slow or a vanished peer, or our own end: the login goes on waiting
        finally:
            self._open.pop(task, None)
            self._heard.discard(task)
            writer.close()

    def _make_room(self) -> None:
        """Beyond the limit the oldest connection that has not yet sent its request goes (A16, A17)."""
        if len(self._open) > MOST_CONNECTIONS:
            oldest = next((one for one in self._open if one not in self._heard), None)
            if oldest is not None:
                oldest.cancel()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        async with asyncio.timeout(HEAD_SECONDS):
            request, body = await _received(http, reader)
        self._heard.add(task)
        nonce = token_urlsafe(16)
        status, page, extra = await self._answer(request, body, nonce)
        headers = [*pages.headers(nonce), ("content-length", str(len(page))), *extra]
        writer.write(http.send(h11.Response(status_code=status, headers=headers)) or b"")
        if request.method != b"HEAD":
            writer.write(http.send(h11.Data(data=page)) or b"")
        await writer.drain()
        if status == 200 and request.target.endswith(b"/done"):
            self._served_end.set()
        writer.write_eof()
        # The peer closes first, so that no remains of our side block the port for the next login.
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(65536):
                continue

    async def _answer(
        self, request: h11.Request, body: bytes, nonce: str
    ) -> tuple[int, bytes, list[tuple[str, str]]]:
        """Status, page and further headers."""
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        method, target = request.method.decode("ascii"), request.target.decode("latin-1")
        path, _, query = target.partition("?")
        if not self._is_ours(fields.get("host", "")):
            return 421, pages.refusal(421, nonce).encode(), []
        cookies = fields.get("cookie", "")
        if path == self._binding.path and method == "GET":
            return self._started(cookies, nonce)
        if path == self._callback.path + "/done" and self._end is not None and method == "GET":
            return 200, self._end_page(nonce).encode(), [ended(self.port)]
        if path != self._callback.path:
            return 404, pages.refusal(404, nonce).encode(), []
        if not self._binding.admits(cookies, self.port) and (query or method == "POST"):
            return 400, pages.not_ours(nonce).encode(), []
        if method == "POST" and self._implicit:
            return await self._posted(fields, body, nonce)
        if method not in {"GET", "HEAD"}:
            return 405, pages.refusal(405, nonce).encode(), [("allow", "GET")]
        if self._implicit and "error=" not in query:
            if query:
                return 404, pages.refusal(404, nonce).encode(), []
            return 200, pages.read_fragment(nonce).encode(), []
        return await self._judged(query, nonce)

    def _started(self, cookies: str, nonce: str) -> tuple[int, bytes, list[tuple[str, str]]]:
        """The way to the provider, for the first browser that asks; see `binding`."""
        if self._judge is None or not self._binding.begin(cookies, self.port):
            return 410, pages.begun_elsewhere(nonce).encode(), []
        return 303, b"", [("location", self._authorization_url.reveal()), self._binding.header(self.port)]

    def _is_ours(self, host: str) -> bool:
        """True when `Host` names this listener: no other site's name may lead here (A15)."""
        name, _, port = host.rpartition(":")
        if host.endswith("]") or not name:
            name, port = host, "80"
        return port == str(self.port) and name in {*LOOPBACK_HOSTS, "127.0.0.1", self._callback.host}

    async def _posted(
        self, fields: dict[str, str], body: bytes, nonce: str
    ) -> tuple[int, bytes, list[tuple[str, str]]]:
        """The fragment, handed over by our own page and by nobody else (B3, B5)."""
        same_site = fields.get("sec-fetch-site", "same-origin") == "same-origin"
        if fields.get("origin", "") != f"http://{fields.get('host', '')}" or not same_site:
            return 403, pages.refusal(403, nonce).encode(), []
        if fields.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, pages.refusal(415, nonce).encode(), []
        try:
            fragment = json.loads(body)["fragment"]
        except (ValueError, KeyError, TypeError, RecursionError):
            fragment = None
        if not isinstance(fragment, str):
            return 400, pages.not_ours(nonce).encode(), []
        return await self._judged(fragment, nonce, by_script=True)

    async def _judged(
        self, text: str, nonce: str, *, by_script: bool = False
    ) -> tuple[int, bytes, list[tuple[str, str]]]:
        """An answer's fate. The page behind it is fetched by a redirect, so that no code stays in the address bar.

        `by_script`: our own page asks, and goes there itself. An implicit login's refusal may come without it:
        some providers put the error into the query.
        """
        judge = self._judge
        try:
            answer = parse_answer(text)
        except AuthrecordError:
            answer = ()
        if judge is None or not answer:
            return 400, pages.not_ours(nonce).encode(), []
        self._judging += 1
        try:
            judged = await asyncio.to_thread(judge, answer)
            if judged.verdict in {Verdict.ACCEPTED, Verdict.FAILED}:
                self._end = judged
        finally:
            self._judging -= 1
        if judged.verdict is Verdict.NOT_OURS:
            return 400, pages.not_ours(nonce).encode(), []
        if judged.verdict is Verdict.ALREADY_USED:
            return 400, pages.already_used(nonce).encode(), []
        if by_script:
            return 200, b"", []
        return 303, b"", [("location", self._callback.path + "/done")]

    def _end_page(self, nonce: str) -> str:
        end = self._end
        if end is None or end.verdict is Verdict.ACCEPTED:
            return pages.done(self._record, nonce)
        return pages.failed(self._record, end.message, end.hint, nonce)


async def _received(http: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request, bytes]:
    """One request and its body, both bounded. Raises `h11.RemoteProtocolError` for anything else (A18)."""
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            received = await reader.read(65536)
            http.receive_data(received)
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > LONGEST_ANSWER:
                raise h11.RemoteProtocolError("the body is too long", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return request, bytes(body)
        else:
            raise h11.RemoteProtocolError("no request")
