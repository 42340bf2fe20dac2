"""A stage for the gateway: it runs in a thread of its own, callers and upstreams are raw sockets of the test."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self, TypeVar

from authrecord.clients.egress import Permits, permits_for
from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.access_log import AccessLog
from authrecord.gateway.authority import Authority
from authrecord.gateway.dialing import Dialer
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules, Unmatched
from authrecord.gateway.running import Running, Ways, started
from authrecord.gateway.service import Service, Settings
from authrecord.record import Record
from authrecord.wiring import Records, make_keeper, memory_store
from authrecord.wiring import Settings as Environment

Result = TypeVar("Result")
SECONDS = 20.0
LOOPBACK = Listen("127.0.0.1", 0)


class Loop:
    """An event loop in a thread. Use it with `with`."""

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="gateway-under-test")
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(SECONDS)
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of a coroutine that runs there."""
        future: Future[Result] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(SECONDS)


class Gateway:
    """A reverse gateway before `upstream`, with every record given on each request, unless `rules` say otherwise."""

    def __init__(
        self,
        loop: Loop,
        upstream: str,
        password: str,
        *records: Record,
        rules: list[Rule] | None = None,
        settings: Settings | None = None,
        bare: bool = False,
        tokens: Any = None,
        ca_file: str = "",
        unmatched: Unmatched = Unmatched.REFUSE,
        permits: Permits | None = None,
    ) -> None:
        self._loop = loop
        self.password = password
        self.log: list[str] = []
        keeper = make_keeper(Environment.read({}), base=Path("/"), store=memory_store())
        self._known = {record.name: record for record in records}
        self.records = Records(self._known, keeper)
        names = tuple(record.name for record in records)
        self.rules = Rules(
            [Rule(records=names, origins=allowed_origins([upstream]))] if rules is None else rules,
            unmatched=unmatched,
        )
        hosts = {origin.host for rule in self.rules.all for origin in rule.origins.exact}
        self.authority = Authority.made(sorted(hosts), lambda: dt.datetime.now(dt.UTC))

        async def start() -> Running:
            service = Service(
                self.rules,
                self.records.authenticator,
                Dialer(permits or permits_for(local=True), ca_file=ca_file),
                settings=settings,
                access_log=AccessLog(self.log.append, now=time.time, monotonic=time.monotonic),
            )
            ways = Ways(
                upstream=origin_of(upstream),
                reverse=LOOPBACK,
                bare=LOOPBACK if bare else None,
                forward=LOOPBACK,
                authority=self.authority,
                authorize=LOOPBACK,
                metrics=LOOPBACK,
                password=Secret(password),
                tokens=tokens,
            )
            return await started(service, ways)

        self.running = loop.run(start())
        self.service = self.running.service
        self.port = self.running.places["reverse"].port
        self.forward_port = self.running.places["forward"].port
        self.bare_port = self.running.places["bare"].port if bare else 0
        self.authorize_port = self.running.places["authorize"].port
        self.metrics_port = self.running.places["metrics"].port

    def add(self, record: Record) -> None:
        """Let the gateway find `record` from now on."""
        self._known[record.name] = record

    def close(self) -> None:
        """End it."""
        self._loop.run(self.running.close())
        self.records.close()

    def settle(self) -> None:
        """Return when the gateway has done what followed the last answer."""
        self._loop.run(asyncio.sleep(0))

    def leave_upstreams(self) -> None:
        """Close what waits at the upstreams, so that those can end without a connection left open."""

        async def leave() -> None:
            self.service.pool.close()
            await asyncio.sleep(0.1)

        self._loop.run(leave())

    def connect(self, port: int = 0) -> Caller:
        """A raw connection to it."""
        return Caller(port or self.port, self.password)

    def ask(self, request: bytes, *, port: int = 0) -> Told:
        """The answer to one raw request, on a connection of its own; `$` stands for the line with the password."""
        with self.connect(port) as caller:
            return caller.ask(request)

    def through_proxy(
        self, target: str, *, server_name: str = "", extra: bytes = b"", trusts: ssl.SSLContext | None = None
    ) -> tuple[Told, Caller]:
        """A `CONNECT`, and TLS inside of it if it is answered with 200 and a `server_name` is given."""
        caller = self.connect(self.forward_port)
        proof = b64encode(f"any:{self.password}".encode())
        caller.send(
            f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode()
            + b"Proxy-Authorization: Basic "
            + proof
            + b"\r\n"
            + extra
            + b"\r\n"
        )
        head = caller.head()
        told = Told(head, b"")
        if told.status == 200 and server_name:
            context = trusts or ssl.create_default_context(cadata=self.authority.pem.decode())
            caller.socket = context.wrap_socket(caller.socket, server_hostname=server_name)
        return told, caller


def get(
    through: Gateway, *lines: bytes, target: bytes = b"/", method: bytes = b"GET", password: bool = True
) -> bytes:
    """A raw request for a reverse gateway."""
    own = (b"$",) if password else ()
    head = (b"%b %b HTTP/1.1" % (method, target), b"Host: 127.0.0.1:%d" % through.port, *own, *lines)
    return b"\r\n".join(head) + b"\r\n\r\n"


class Told:
    """One answer: its head's lines as they came, and its body, out of its chunks."""

    def __init__(self, head: bytes, body: bytes) -> None:
        lines = head.split(b"\r\n")
        self.head = head
        self.status = int(lines[0].split(b" ")[1]) if head else 0
        self.lines = lines[1:]
        self.body = body

    def values(self, name: str) -> list[str]:
        """The values of a header."""
        pairs = [line.partition(b":") for line in self.lines]
        return [value.strip().decode() for key, _, value in pairs if key.lower().decode() == name.lower()]


class Caller:
    """A client on a raw socket."""

    def __init__(self, port: int, password: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._password = password
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """`$` at the end of a line stands for the password's line."""
        self.socket.sendall(
            data.replace(b"$\r\n", b"X-Authrecord-Token: " + self._password.encode() + b"\r\n")
        )

    def ask(self, request: bytes) -> Told:
        """The answer to one request."""
        self.send(request)
        return self.answer(request.partition(b" ")[0])

    def answer(self, method: bytes = b"GET") -> Told:
        """The next answer that is not interim."""
        while True:
            head = self.head()
            told = Told(head, b"")
            if not 100 <= told.status < 200 or told.status == 101:
                break
        return Told(head, self._body(told, method))

    def head(self) -> bytes:
        """The head of the next answer; empty at the end of the connection."""
        while b"\r\n\r\n" not in self._unread:
            data = self.receive()
            if not data:
                return b""
            self._unread += data
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head

    def receive(self) -> bytes:
        """What comes next; empty at the end of the connection."""
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def take(self, count: int) -> bytes:
        """So many bytes, fewer at the end of the connection."""
        while len(self._unread) < count:
            data = self.receive()
            if not data:
                break
            self._unread += data
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while data := self.receive():
            self._unread += data
        taken, self._unread = self._unread, b""
        return taken

    def _body(self, told: Told, method: bytes) -> bytes:
        if method == b"HEAD" or told.status in (0, 101, 204, 304):
            return b""
        if told.values("transfer-encoding"):
            return self._chunks()
        length = told.values("content-length")
        return self.take(int(length[0])) if length else self.rest()

    def _chunks(self) -> bytes:
        body = b""
        while True:
            line = b""
            while not line.endswith(b"\r\n"):
                line += self.take(1)
            size = int(line, 16)
            body += self.take(size)
            assert self.take(2) == b"\r\n"
            if not size:
                return body


class Taken:
    """One request as an upstream got it: its head to the byte, and its body as it stood on the wire."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.head = head
        self.body = body
        self.line, _, rest = head.partition(b"\r\n")
        self.lines = rest.split(b"\r\n")

    def values(self, name: str) -> list[str]:
        """The values of a header."""
        pairs = [line.partition(b":") for line in self.lines]
        return [value.strip().decode() for key, _, value in pairs if key.lower().decode() == name.lower()]


Serve = Callable[[socket.socket, "Upstream"], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Upstream:
    """A server on a raw socket. `reply` makes the bytes of an answer; `serve` takes over a whole connection."""

    def __init__(
        self, reply: Callable[[Taken], bytes] = lambda taken: OK, serve: Serve | None = None
    ) -> None:
        self.taken: list[Taken] = []
        self.connections = 0
        self._reply = reply
        self._serve = serve or _serve
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, name="upstream")]
        self._open: list[socket.socket] = []
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def host(self) -> str:
        """What `Host` says of it."""
        return self.url.partition("://")[2]

    def reply(self, taken: Taken) -> bytes:
        """The answer to a request, which is remembered."""
        self.taken.append(taken)
        return self._reply(taken)

    def close(self) -> None:
        """End it."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(SECONDS)
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listening.accept()[0]
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._run, args=(connection,), name="upstream-connection")
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        try:
            self._serve(connection, self)
        except OSError:
            return  # the gateway has gone, or the test has ended
        finally:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                connection.close()


def take_request(connection: socket.socket, unread: bytes = b"") -> tuple[Taken | None, bytes]:
    """The next request of a connection, and what was read beyond it."""
    while b"\r\n\r\n" not in unread:
        data = connection.recv(65536)
        if not data:
            return None, b""
        unread += data
    head, _, unread = unread.partition(b"\r\n\r\n")
    taken = Taken(head, b"")
    if taken.values("transfer-encoding"):
        while b"0\r\n\r\n" not in unread[-5:]:
            unread += connection.recv(65536)
        return Taken(head, unread), b""
    length = int((taken.values("content-length") or ["0"])[0])
    while len(unread) < length:
        data = connection.recv(65536)
        if not data:
            return None, b""
        unread += data
    return Taken(head, unread[:length]), unread[length:]


def _serve(connection: socket.socket, upstream: Upstream) -> None:
    unread = b""
    while True:
        taken, unread = take_request(connection, unread)
        if taken is None:
            return
        connection.sendall(upstream.reply(taken))
