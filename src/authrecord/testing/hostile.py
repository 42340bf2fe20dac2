"""A hostile authorization server with an API, and a switch for each bad answer. It records every byte it gets."""

from __future__ import annotations

import secrets
import ssl
from collections import deque
from typing import Self

from .hostile_answers import HOSTILE_ANSWERS
from .hostile_api import HOSTILE_API_ANSWERS
from .hostile_authorizations import HOSTILE_AUTHORIZATIONS, back, good_authorization
from .hostile_metadata import HOSTILE_METADATA
from .hostile_scene import Scene
from .hostile_switch import Position, Switch
from .listener import Listener
from .messages import Received, Reply, as_json, number, redirect

MOST_REMEMBERED = 2000
MOST_BYTES = 64 * 1024 * 1024

METADATA_MARK = "/.well-known/"

_FINE = Reply(200, (("content-type", "text/plain"),), b"ok")

_TOKEN_ANSWER = Switch(HOSTILE_ANSWERS)
_AUTHORIZATION_ANSWER = Switch(HOSTILE_AUTHORIZATIONS)
_API_ANSWER = Switch(HOSTILE_API_ANSWERS)
_METADATA = Switch(HOSTILE_METADATA)


class HostileServer:
    """Starts with `with`, stops at its end. Without a switch it answers well; each switch spoils one place.

    Each switch is the name of an answer, or a `Reply` or a JSON object of your own, or empty. It can be set while
    the server runs; a name that does not exist is a `ValueError`.

    * `token_answer`: what `/token` answers; names of `HOSTILE_ANSWERS`.
    * `authorization_answer`: what `/authorize` redirects back with; names of `HOSTILE_AUTHORIZATIONS`. It asks
      nobody and checks nothing.
    * `metadata`: what the discovery documents say; names of `HOSTILE_METADATA`. Empty: there is none (404).
    * `api_answer`: what every other path answers; names of `HOSTILE_API_ANSWERS`. The paths `/home`, `/stolen`
      and `/redirect?to=URL&status=302` stay good, so that redirects have somewhere to lead.

    `lure`: the origin that answers lead the client to; unless you give one, a loopback port where nobody listens.
    `token`: the token or code that would be good.
    """

    token_answer = _TOKEN_ANSWER
    authorization_answer = _AUTHORIZATION_ANSWER
    api_answer = _API_ANSWER
    metadata = _METADATA

    def __init__(
        self,
        *,
        token_answer: Position = "",
        authorization_answer: Position = "",
        api_answer: Position = "",
        metadata: Position = "",
        lure: str = "http://127.0.0.1:9",
        token: str = "",
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.token_answer = token_answer
        self.authorization_answer = authorization_answer
        self.api_answer = api_answer
        self.metadata = metadata
        self.lure = lure
        self.token = token or secrets.token_urlsafe(32)
        self.requests: deque[Received] = deque(maxlen=MOST_REMEMBERED)
        self._bytes: list[bytes] = []
        self._bytes_kept = 0
        self._listener = Listener(self._handle, host=host, tls=tls, note_bytes=self._note)

    def start(self) -> Self:
        """Begin to listen. Raises `OSError` when the address cannot be had."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """Stop listening; what was received stays readable."""
        self._listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's origin, which is its issuer too."""
        return self._listener.origin

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return self.url + "/token"

    @property
    def authorization_url(self) -> str:
        """The authorization endpoint."""
        return self.url + "/authorize"

    @property
    def api_url(self) -> str:
        """A path of the API."""
        return self.url + "/api/orders"

    @property
    def bytes_received(self) -> bytes:
        """All that ever arrived on any connection, as it came, up to 64 MiB; also what is no HTTP."""
        return b"".join(self._bytes)

    @property
    def everything_received(self) -> str:
        """`bytes_received` as text, a character a byte."""
        return self.bytes_received.decode("latin-1")

    def _note(self, data: bytes) -> None:
        if self._bytes_kept < MOST_BYTES:
            self._bytes.append(data)
            self._bytes_kept += len(data)

    async def _handle(self, received: Received) -> Reply:
        self.requests.append(received)
        scene = Scene(received, self.token, self.lure, self.url)
        path = received.path
        if METADATA_MARK in path:
            return _METADATA.chosen(self, scene) or Reply(404)
        if path == "/token":
            return _TOKEN_ANSWER.chosen(self, scene) or as_json(scene.good())
        if path == "/authorize":
            return _AUTHORIZATION_ANSWER.chosen(self, scene) or back(scene, good_authorization(scene))
        if path == "/redirect":
            query = dict(received.query)
            return redirect(query.get("to", "/home"), int(number(query, "status", 302)))
        if path in {"/home", "/stolen"}:
            return _FINE
        return _API_ANSWER.chosen(self, scene) or _FINE
