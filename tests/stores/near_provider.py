"""The honest authorization server without a network: a `Sender` that asks its token endpoint in the same thread.

It can be told how the next requests end, and it says which tokens are alive, so that a model can be held against it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from authrecord.core.contracts import Clock
from authrecord.core.errors import TryLater
from authrecord.core.messages import Request, Response
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.testing.messages import Received
from authrecord.testing.state import Client, State
from authrecord.testing.token_endpoint import TokenSettings, answer

ORIGIN: Final = "https://login.example.com"

Mood = Literal["well", "unwell", "answer lost", "never arrived"]
"""How requests end: honestly; with 503; looked at, and the answer lost; timed out on the way there."""


@dataclass
class NearProvider:
    """Implements `keeper.ports.Sender`. `clock`: of the callers. `make_secret`: makes all that is secret."""

    clock: Clock
    make_secret: Callable[[str], str]
    settings: TokenSettings = field(default_factory=lambda: TokenSettings(life=100.0))
    mood: Mood = "well"
    presented: list[str] = field(default_factory=list, repr=False)
    """Refresh tokens, each time that one was looked at."""

    pairs: set[tuple[str, str]] = field(default_factory=set, repr=False)
    """Access and refresh tokens that were issued together."""

    def __post_init__(self) -> None:
        self.state = State(self.clock.time, self.make_secret)

    def __call__(self, request: Request) -> Response:
        """The answer, as the mood is. See `Sender`."""
        if self.mood == "never arrived":
            raise TryLater("no answer came.", outcome_unknown=True)
        sent_at, sent_monotonic = self.clock.time(), self.clock.monotonic()
        if self.mood == "unwell":
            return Response(503, (), b"{}", sent_at, sent_monotonic, request.url)
        url = urlsplit(request.wire_url())
        headers = tuple((name.lower(), value) for name, value in request.wire_headers())
        received = Received(request.method, url.path, headers, request.wire_body())
        self.presented += [value for name, value in received.form if name == "refresh_token"]
        reply = answer(received, self.state, self.settings, (ORIGIN + "/token",))
        if reply.status == 200:
            said = json.loads(reply.body)
            self.pairs.add((said["access_token"], said["refresh_token"]))
        if self.mood == "answer lost":
            raise TryLater("the connection was lost.", outcome_unknown=True)
        return Response(reply.status, reply.headers, reply.body, sent_at, sent_monotonic, request.url)

    def close(self) -> None:
        """There is nothing to close."""

    def register(self, client_id: str, secret: str) -> None:
        """A client that sends its secret in the body."""
        self.state.clients[client_id] = Client(client_id, secret, ("authorization_code",), ("*",), "body")

    def log_in(self, client_id: str) -> Token:
        """The token of a login that a person just finished."""
        access, refresh = self.state.issue(client_id, "", self.settings.life, renewable=True)
        self.pairs.add((access, refresh))
        return Token(
            access_token=Secret(access),
            refresh_token=Secret(refresh),
            obtained_at=self.clock.time(),
            obtained_monotonic=self.clock.monotonic(),
            life=self.settings.life,
            issued_by=ORIGIN + "/token",
        )

    def revoke_all(self) -> None:
        """Every login has ended."""
        self.state.dead_families |= {one.family for one in self.state.refresh.values()}

    def takes(self, token: Token) -> bool:
        """Whether an API behind it would take this token now."""
        return self.state.live(token.access_token.reveal()) is not None

    def is_whole(self, token: Token) -> bool:
        """Whether both halves of the pair were issued together."""
        assert token.refresh_token is not None
        return (token.access_token.reveal(), token.refresh_token.reveal()) in self.pairs
