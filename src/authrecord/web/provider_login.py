"""People come in through an OpenID Connect provider: Authorization Code with PKCE, `state`, `nonce` and `iss`.

The requests are those of the product's own grant (`grants.authorization_code`). What must be remembered meanwhile is
in a cookie of the browser that began, sealed with the store's key: every server of the store can end the login,
nothing grows, and an answer that another browser was sent (login CSRF) finds no login to end.
"""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ..core.contracts import Clock, Means
from ..core.errors import BadAnswer, LoginFailed
from ..core.secret import Secret
from ..grants import authorization_code
from ..grants.client import OAuthClient, ResolvedParameter
from ..grants.discovery import Metadata, discover, with_metadata
from ..grants.pending import PendingLogin, not_ours, parse_answer
from ..keeper.ports import Sender
from ..keeper.run import run
from ..signing import sign
from ..stores.sealing import DoesNotOpen
from ..stores.sql.bindings import sign_in_place
from ..stores.sql.tenants import DEFAULT
from .id_tokens import Subject, Wanted, fetch_keys, verified

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from ..stores.sql.backend import Backend
    from ..stores.sql.vault import Vault

CALLBACK: Final = "/sign-in/answer"
SCOPE: Final = "openid email"
KNOWN_SECONDS: Final = 3600.0
"""How long the provider's metadata and keys are used again."""

NEW_KEYS_SECONDS: Final = 60.0
"""A key that is not known is looked for at most so often."""

LONGEST_COOKIE: Final = 4000


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """The operator's provider. `client_secret`: `None` for a public client."""

    issuer: str
    client_id: str
    client_secret: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that waits: where to send the browser, and what its cookie holds."""

    address: Secret
    kept: Secret


class ProviderLogin:
    """Signs people in at one provider. `base`: this server's origin."""

    def __init__(
        self,
        settings: ProviderSettings,
        *,
        base: str,
        sender: Sender,
        backend: Backend,
        vault: Vault,
        clock: Clock,
        random: Callable[[], str] = lambda: token_urlsafe(32),
    ) -> None:
        self.issuer = settings.issuer
        self.host = urlsplit(settings.issuer).netloc
        self._settings = settings
        self._redirect_uri = f"{base}{CALLBACK}"
        self._sender = sender
        self._backend = backend
        self._vault = vault
        self._clock = clock
        self._means = Means(now=clock.time, random=random, sign=sign)
        self._lock = threading.Lock()
        self._metadata: tuple[Metadata, float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    def begin(self, *, again: bool) -> Begun:
        """A login. `again`: the provider must ask the person, whoever is logged in there.

        Raises what discovery raises.
        """
        nonce = Secret(self._means.random())
        asked: tuple[tuple[str, str | Secret], ...] = (("nonce", nonce),)
        if again:
            asked += (("prompt", "login"), ("max_age", "0"))
        parameters = tuple(ResolvedParameter(key, value, "query") for key, value in asked)
        client = replace(self._client(), authorization_parameters=parameters)
        pending = authorization_code.begin(client, self._means, redirect_uri=self._redirect_uri)
        return Begun(pending.authorization_url, self._sealed(pending, nonce, again=again))

    def finish(self, kept: str, query: str) -> tuple[Subject, bool]:
        """Who came in by the answer's query, and whether the provider asked them again.

        `kept`: the browser's cookie. Raises `LoginFailed` (code `not_ours`) for an answer to no login of this browser,
        with other codes for one that was refused or mixed up; `BadAnswer`, `Refused`, `TryLater` of the provider.
        """
        pending, nonce, again = self._opened(kept)
        answer = parse_answer(query)
        client = self._client()
        token = run(authorization_code.finish(client, pending, answer, self._means), self._sender)
        if token.id_token is None:
            raise BadAnswer(
                "the provider sent no ID token.", hint="It must know the scope openid.", code="id_token"
            )
        wanted = Wanted(
            issuer=self.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            now=self._clock.time(),
            since=pending.began_at if again else 0.0,
        )
        return self._verified(token.id_token, wanted), again

    def _verified(self, id_token: Secret, wanted: Wanted) -> Subject:
        try:
            return verified(id_token, self._known_keys(KNOWN_SECONDS), wanted)
        except BadAnswer as fault:
            if fault.code != "unknown_key":
                raise
        return verified(id_token, self._known_keys(NEW_KEYS_SECONDS), wanted)

    def _client(self) -> OAuthClient:
        settings, metadata = self._settings, self._known_metadata()
        methods = metadata.client_authentication_methods
        body = "client_secret_post" in methods and "client_secret_basic" not in methods
        client = OAuthClient(
            name="sign-in",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            authentication="none" if settings.client_secret is None else ("body" if body else "basic"),
            issuer=settings.issuer,
            scope=SCOPE,
        )
        return with_metadata(client, metadata)

    def _known_metadata(self) -> Metadata:
        with self._lock:
            now = self._clock.monotonic()
            if self._metadata is None or now - self._metadata[1] > KNOWN_SECONDS:
                self._metadata = (run(discover(self.issuer), self._sender), now)
            return self._metadata[0]

    def _known_keys(self, seconds: float) -> KeySet:
        metadata = self._known_metadata()
        with self._lock:
            now = self._clock.monotonic()
            if self._keys is None or now - self._keys[1] > seconds:
                self._keys = (run(fetch_keys(metadata.jwks_uri), self._sender), now)
            return self._keys[0]

    def _sealed(self, pending: PendingLogin, nonce: Secret, *, again: bool) -> Secret:
        assert pending.code_verifier is not None  # noqa: S101 - PKCE is never off here; states it for the type
        kept = {
            "state": pending.state.reveal(),
            "verifier": pending.code_verifier.reveal(),
            "nonce": nonce.reveal(),
            "began_at": pending.began_at,
            "must_answer": pending.issuer_must_answer,
            "again": again,
        }
        with self._backend.reading() as transaction:
            plain = json.dumps(kept).encode()
            _, sealed = self._vault.seal(transaction, DEFAULT, sign_in_place(self.issuer), plain)
        return Secret(urlsafe_b64encode(sealed).decode())

    def _opened(self, kept: str) -> tuple[PendingLogin, Secret, bool]:
        fault = not_ours("no sign-in of this browser waits for that answer")
        if not kept or len(kept) > LONGEST_COOKIE:
            raise fault
        try:
            with self._backend.reading() as transaction:
                sealed = urlsafe_b64decode(kept.encode("ascii"))
                plain = self._vault.open(transaction, DEFAULT, sign_in_place(self.issuer), sealed)
        except (ValueError, IndexError, DoesNotOpen):
            raise fault from None
        data = json.loads(plain)
        pending = PendingLogin(
            record="sign-in",
            grant="authorization_code",
            authorization_url=Secret(""),
            redirect_uri=self._redirect_uri,
            state=Secret(data["state"]),
            code_verifier=Secret(data["verifier"]),
            issuer=self.issuer,
            issuer_must_answer=data["must_answer"],
            began_at=data["began_at"],
        )
        return pending, Secret(data["nonce"]), bool(data["again"])


def unknown_person(subject: Subject) -> LoginFailed:
    """The fault of somebody whom the provider knows and nobody has invited."""
    known_as = subject.email or subject.subject
    return LoginFailed(
        f"nobody has invited {known_as[:100]!r} here.",
        hint="Ask an administrator to invite you by that e-mail address or subject, and sign in again.",
        code="not_invited",
    )
