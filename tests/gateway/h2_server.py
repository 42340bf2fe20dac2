"""An upstream that speaks HTTP/2 under TLS, one thread for each connection."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

SECONDS = 20.0


@dataclass
class Asked:
    """One request, as it came."""

    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    answered: bool = False
    waiting: bytearray = field(default_factory=bytearray)

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


@dataclass
class Says:
    """What is answered. `headers` without `:status`. `reset` or `goaway` instead of an answer."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b"ok"
    reset: int | None = None
    goaway: bool = False
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)


class H2Server:
    """`reply` makes the answer to each request."""

    def __init__(self, context: ssl.SSLContext, reply: Callable[[Asked], Says]) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.protocols: list[str | None] = []
        self._context = context
        self._reply = reply
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def close(self) -> None:
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
            thread = threading.Thread(target=self._run, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _run(self, raw: socket.socket) -> None:
        try:
            connection = self._context.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        self._open.append(connection)
        self.protocols.append(connection.selected_alpn_protocol())
        if self.protocols[-1] != "h2":
            connection.close()
            return
        try:
            self._serve(connection)
        except OSError:
            return
        finally:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                connection.close()

    def _serve(self, connection: ssl.SSLSocket) -> None:
        machine = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        machine.initiate_connection()
        connection.sendall(machine.data_to_send())
        streams: dict[int, Asked] = {}
        while data := connection.recv(65536):
            for event in machine.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    assert event.headers is not None
                    streams[event.stream_id] = Asked([(bytes(a), bytes(b)) for a, b in event.headers])
                elif isinstance(event, h2.events.DataReceived):
                    streams[event.stream_id].body += event.data
                    machine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded) and self._answer(
                    machine, event.stream_id, streams[event.stream_id]
                ):
                    connection.sendall(machine.data_to_send())
                    return
            for number, asked in streams.items():
                self._flush(machine, number, asked)
            connection.sendall(machine.data_to_send())

    def _answer(self, machine: h2.connection.H2Connection, number: int, asked: Asked) -> bool:
        """True when the connection ends with it."""
        self.asked.append(asked)
        says = self._reply(asked)
        if says.goaway:
            machine.close_connection(last_stream_id=0)
            return True
        if says.reset is not None:
            machine.reset_stream(number, says.reset)
            return False
        head = [(b":status", b"%d" % says.status), *says.headers]
        machine.send_headers(number, head, end_stream=not says.body)
        asked.waiting = bytearray(says.body)
        asked.answered = bool(says.body)
        return False

    def _flush(self, machine: h2.connection.H2Connection, number: int, asked: Asked) -> None:
        while asked.waiting:
            room = min(machine.local_flow_control_window(number), machine.max_outbound_frame_size)
            if room <= 0:
                return
            machine.send_data(number, bytes(asked.waiting[:room]))
            del asked.waiting[:room]
        if asked.answered:
            asked.answered = False
            machine.end_stream(number)
