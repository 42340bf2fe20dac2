"""A hostile authorization server with an API, and a switch for each bad answer. It records every byte it gets."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from typing import Self

from .hostile_answers import HOSTILE_ANSWERS, HostileAnswer, Scene
from .hostile_api import HOSTILE_API_ANSWERS
from .listener import Listener
from .messages import Received, Reply, as_json

MOST_REMEMBERED = 2000


class HostileServer:
    """Starts with `with`, stops at its end.

    `token_answer`: what `/token` answers, a name of `HOSTILE_ANSWERS` or a `Reply`; empty for a good answer.
    `api_answer`: the same for every other path and `HOSTILE_API_ANSWERS`; empty for 200. `lure`: the origin
    that redirects lead to. `metadata`: what the discovery documents say. Each can be set while it runs.
    """

    def __init__(
        self, *, token_answer: str | Reply = "", api_answer: str | Reply = "", lure: str = "", token: str = ""
    ) -> None:
        self.token_answer = token_answer
        self.api_answer = api_answer
        self.lure = lure
        self.metadata: Mapping[str, object] | None = None
        self.token = token or secrets.token_urlsafe(32)
        self.requests: deque[Received] = deque(maxlen=MOST_REMEMBERED)
        self._listener = Listener(self._handle)

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.stop()

    @property
    def url(self) -> str:
        """The server's origin."""
        return self._listener.origin

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return self.url + "/token"

    @property
    def everything_received(self) -> str:
        """All that ever arrived, as text: request targets, headers, bodies."""
        return "\n".join(
            f"{one.method} {one.target}\n{one.headers!r}\n{one.body.decode('latin-1')}"
            for one in list(self.requests)
        )

    async def _handle(self, received: Received) -> Reply:
        self.requests.append(received)
        if "/.well-known/" in received.path:
            return as_json(self.metadata) if self.metadata is not None else Reply(404)
        if received.path == "/token":
            return self._token(received)
        if isinstance(self.api_answer, Reply):
            return self.api_answer
        if self.api_answer and not received.path.startswith("/stolen"):
            return HOSTILE_API_ANSWERS[self.api_answer][1](self.lure)
        return Reply(200, (("content-type", "text/plain"),), b"ok")

    def _token(self, received: Received) -> Reply:
        if isinstance(self.token_answer, Reply):
            return self.token_answer
        scene = Scene(received, self.token, self.lure)
        if not self.token_answer:
            return as_json(scene.good())
        answer: HostileAnswer = HOSTILE_ANSWERS[self.token_answer]
        return answer.make(scene)
