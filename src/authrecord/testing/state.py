"""What an honest authorization server knows: clients, users, codes, tokens, and what it counted."""

from __future__ import annotations

import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .messages import Received

MOST_REMEMBERED = 2000
"""How many received requests are kept for a test to look at."""


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. `secret` is empty for a public one. `public_key`: a JWK as JSON, for `private_key_jwt`."""

    client_id: str
    secret: str = field(default="", repr=False)
    grants: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    authentication: str = "basic"
    public_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A person who can log in."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Counters:
    """What happened so far. `expired_answers` counts answers that refused a token, however they said it."""

    authorization_requests: int = 0
    token_requests: int = 0
    token_requests_by_grant: tuple[tuple[str, int], ...] = ()
    tokens_issued: int = 0
    invalid_grant: int = 0
    invalid_client: int = 0
    reuse_detected: int = 0
    most_token_requests_at_once: int = 0
    api_requests: int = 0
    api_ok: int = 0
    expired_answers: int = 0


@dataclass(slots=True)
class Issued:
    """An access token: until when it lives (UTC seconds), and the login (family) it belongs to."""

    until: float
    family: str
    scope: str
    client_id: str


@dataclass(slots=True)
class Refresh:
    """A refresh token, and when it was first used."""

    family: str
    scope: str
    client_id: str
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, and what it is bound to."""

    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    until: float


def _random(label: str) -> str:
    return secrets.token_urlsafe(32)


class State:
    """The memory of the server. `make_secret` makes every token, code and secret, given what it is for."""

    def __init__(self, now: Callable[[], float], make_secret: Callable[[str], str] | None) -> None:
        self.now = now
        self.make_secret = make_secret or _random
        self.lock = threading.RLock()
        self.clients: dict[str, Client] = {}
        self.users: dict[str, User] = {}
        self.codes: dict[str, Code] = {}
        self.used_codes: dict[str, str] = {}
        """The login (family) that a code has led to."""
        self.access: dict[str, Issued] = {}
        self.refresh: dict[str, Refresh] = {}
        self.dead_families: set[str] = set()
        self.api_keys: set[str] = set()
        self.used_assertions: set[object] = set()
        self.requests: deque[Received] = deque(maxlen=MOST_REMEMBERED)
        self.api_requests: deque[Received] = deque(maxlen=MOST_REMEMBERED)
        self.counters = Counters()
        self._by_grant: Counter[str] = Counter()
        self._at_once = 0

    def count(self, **more: int) -> None:
        """Add to counters, by name."""
        with self.lock:
            added = {name: getattr(self.counters, name) + number for name, number in more.items()}
            self.counters = replace(self.counters, **added)

    def token_request_begins(self, grant: str) -> None:
        """One more token request is under way."""
        with self.lock:
            self._by_grant[grant] += 1
            self._at_once += 1
            self.counters = replace(
                self.counters,
                token_requests=self.counters.token_requests + 1,
                token_requests_by_grant=tuple(sorted(self._by_grant.items())),
                most_token_requests_at_once=max(self.counters.most_token_requests_at_once, self._at_once),
            )

    def token_request_ends(self) -> None:
        """It is answered."""
        with self.lock:
            self._at_once -= 1

    def new_family(self) -> str:
        """A name for a new login, to which all its tokens belong."""
        return secrets.token_hex(8)

    def end(self, token: str, client_id: str) -> None:
        """Revoke a token of that client; with a refresh token the whole login ends (RFC 7009 §2.1)."""
        with self.lock:
            renewing = self.refresh.get(token)
            if renewing is not None and renewing.client_id == client_id:
                self.dead_families.add(renewing.family)
            issued = self.access.get(token)
            if issued is not None and issued.client_id == client_id:
                issued.until = min(issued.until, self.now())

    def issue(
        self, client_id: str, scope: str, life: float, *, family: str = "", renewable: bool
    ) -> tuple[str, str]:
        """A new access token and, if `renewable`, a new refresh token of that family."""
        with self.lock:
            family = family or self.new_family()
            access = self.make_secret("access_token")
            self.access[access] = Issued(self.now() + life, family, scope, client_id)
            refresh = ""
            if renewable:
                refresh = self.make_secret("refresh_token")
                self.refresh[refresh] = Refresh(family, scope, client_id)
            self.count(tokens_issued=1)
            return access, refresh

    def live(self, access: str) -> Issued | None:
        """The access token, if it is good now."""
        found = self.access.get(access)
        if found is None or found.family in self.dead_families or found.until <= self.now():
            return None
        return found
