"""An honest authorization server with an API behind it, in one process, on loopback, for tests and trials."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Self

from . import authorization_endpoint, protected_api, token_endpoint
from .client_proof import Refusal, authenticated
from .listener import Listener
from .messages import Received, Reply, as_json, number, redirect
from .protected_api import ApiSettings
from .state import Client, Counters, State, User
from .token_endpoint import TokenSettings, refused

GRANTS = ("authorization_code", "implicit", "password", "client_credentials")


class HonestServer:
    """Starts with `with`, stops at its end.

    `token_life`: seconds, fractions allowed; it can be set while the server runs, as can the attributes of
    `tokens` and `api`. `auto_login`: the authorization endpoint asks nobody. `clock`: UTC seconds.
    `make_secret`: makes every token, code and secret, given what it is for. `tls`: serve https with it.
    """

    def __init__(
        self,
        *,
        token_life: float = 3600.0,
        rotate: bool = True,
        grace: float = 0.0,
        expired_answer: str = "401",
        auto_login: bool = False,
        names_itself: bool = True,
        demands_pkce: bool = True,
        issuer_path: str = "",
        token_delay: float = 0.0,
        api_delay: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        make_secret: Callable[[str], str] | None = None,
    ) -> None:
        self.tokens = TokenSettings(life=token_life, rotate=rotate, grace=grace)
        self.api = ApiSettings(delay=api_delay)
        self.expired_answer = expired_answer
        self.auto_login = auto_login
        self.names_itself = names_itself
        self.demands_pkce = demands_pkce
        self.issuer_path = issuer_path
        self.token_delay = token_delay
        self.accepts_token_url_as_audience = True
        """Whether an assertion may name the token endpoint as its audience, as RFC 7523 once had it."""
        self.failures: list[Reply] = []
        """Answers that the token endpoint gives next, before it is honest again."""
        self._state = State(clock, make_secret)
        self._listener = Listener(self._handle, host=host, port=port, tls=tls)

    def start(self) -> Self:
        """Begin to listen."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """Stop listening; what was counted stays readable."""
        self._listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's origin."""
        return self._listener.origin

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return self.url + self.issuer_path

    @property
    def authorization_url(self) -> str:
        """The authorization endpoint."""
        return self.issuer + "/authorize"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return self.issuer + "/token"

    @property
    def api_url(self) -> str:
        """A protected resource."""
        return self.url + "/api/orders"

    @property
    def token_life(self) -> float:
        """Seconds that tokens issued from now on live."""
        return self.tokens.life

    @token_life.setter
    def token_life(self, seconds: float) -> None:
        self.tokens.life = seconds

    @property
    def expired_answer(self) -> str:
        """How the API says that a token has expired: one of `EXPIRED_ANSWERS`. Raises `ValueError` for another."""
        return self.api.expired_answer

    @expired_answer.setter
    def expired_answer(self, how: str) -> None:
        protected_api.expired(how)
        self.api.expired_answer = how

    def now(self) -> float:
        """The time by the server's clock, UTC seconds."""
        return self._state.now()

    @property
    def counters(self) -> Counters:
        """What happened so far; a frozen copy."""
        return self._state.counters

    @property
    def requests(self) -> list[Received]:
        """The latest requests but those to `/api/`, oldest first."""
        return list(self._state.requests)

    @property
    def api_requests(self) -> list[Received]:
        """The latest requests to `/api/`, oldest first."""
        return list(self._state.api_requests)

    @property
    def last_token_request(self) -> Received:
        """The latest request to the token endpoint. Raises `LookupError` when there was none."""
        for one in reversed(self.requests):
            if one.path.endswith("/token"):
                return one
        raise LookupError("there was no token request")

    def register_client(
        self,
        *grants: str,
        client_id: str = "",
        secret: str | None = None,
        authentication: str = "basic",
        redirect_uris: tuple[str, ...] = ("*",),
        public_key: str = "",
    ) -> Client:
        """A client for `grants` (all of them by default). `secret=""` makes a public client."""
        state = self._state
        made = state.make_secret("client_secret") if secret is None else secret
        client = Client(
            client_id or f"client-{len(state.clients) + 1}",
            made,
            grants or GRANTS,
            redirect_uris,
            authentication if made or authentication in {"private_key_jwt", "tls_client_auth"} else "none",
            public_key,
        )
        state.clients[client.client_id] = client
        return client

    def register_user(self, username: str = "ada", password: str | None = None) -> User:
        """A person who can log in."""
        user = User(username, self._state.make_secret("password") if password is None else password)
        self._state.users[username] = user
        return user

    def register_api_key(self, key: str | None = None) -> str:
        """An API key that the API accepts."""
        made = self._state.make_secret("api_key") if key is None else key
        self._state.api_keys.add(made)
        return made

    def issue_login(self, client: Client, *, life: float | None = None, scope: str = "") -> tuple[str, str]:
        """An access token (of `life` seconds) and a refresh token, as if a person had logged in before."""
        seconds = self.tokens.life if life is None else life
        return self._state.issue(client.client_id, scope, seconds, renewable=True)

    def issue_token(self, *, life: float | None = None) -> str:
        """An access token out of nowhere, as a person would paste it into a bearer record."""
        return self._state.issue("nobody", "", self.tokens.life if life is None else life, renewable=False)[0]

    def expire_all(self) -> None:
        """Every access token issued so far has expired, whatever its `expires_in` said."""
        with self._state.lock:
            for issued in self._state.access.values():
                issued.until = min(issued.until, self._state.now())

    def revoke_all(self) -> None:
        """Every access and refresh token issued so far is dead."""
        with self._state.lock:
            self.expire_all()
            self._state.dead_families.update(one.family for one in self._state.refresh.values())

    async def _handle(self, received: Received) -> Reply:
        path = received.path
        if path.startswith("/api/"):
            self._state.api_requests.append(received)
            return await protected_api.answer(received, self._state, self.api)
        self._state.requests.append(received)
        local = path.removeprefix(self.issuer_path) if self.issuer_path else path
        if local == "/token":
            return await self._token(received)
        if local == "/authorize":
            return authorization_endpoint.answer(
                received,
                self._state,
                issuer=self.issuer if self.names_itself else "",
                auto_login=self.auto_login,
                life=self.tokens.life,
                demands_pkce=self.demands_pkce,
            )
        if local == "/revoke":
            return self._revoke(received)
        return self._other(received, path)

    async def _token(self, received: Received) -> Reply:
        self._state.token_request_begins(dict(received.form).get("grant_type", ""))
        try:
            if self.token_delay:
                await asyncio.sleep(self.token_delay)
            if self.failures:
                return self.failures.pop(0)
            return token_endpoint.answer(received, self._state, self.tokens, self._audiences())
        finally:
            self._state.token_request_ends()

    def _audiences(self) -> tuple[str, ...]:
        return (self.issuer, self.token_url) if self.accepts_token_url_as_audience else (self.issuer,)

    def _revoke(self, received: Received) -> Reply:
        """RFC 7009: the client proves who it is; an unknown token is answered with 200 too."""
        form = dict(received.form)
        try:
            client = authenticated(received, form, self._state, self._audiences())
        except Refusal as refusal:
            return refused(refusal)
        self._state.end(form.get("token", ""), client.client_id)
        return Reply(200)

    def _other(self, received: Received, path: str) -> Reply:
        if path in {
            f"/.well-known/oauth-authorization-server{self.issuer_path}",
            f"{self.issuer_path}/.well-known/openid-configuration",
        }:
            return as_json(self._metadata())
        if path == "/echo":
            return protected_api.echo(received)
        if path == "/redirect":
            query = dict(received.query)
            return redirect(query.get("to", "/echo"), int(number(query, "status", 302)))
        if path == "/stream":
            return protected_api.stream(received)
        if path == "/events":
            return protected_api.events(received)
        if path.startswith("/bytes/") and path[7:].isdigit():
            return Reply(200, (("content-type", "application/octet-stream"),), b"x" * int(path[7:]))
        return Reply(404, (("content-type", "text/plain"),), b"not found")

    def _metadata(self) -> dict[str, object]:
        """RFC 8414 §2."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.authorization_url,
            "token_endpoint": self.token_url,
            "revocation_endpoint": self.issuer + "/revoke",
            "response_types_supported": ["code", "token"],
            "grant_types_supported": [*GRANTS, "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": self.names_itself,
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "client_secret_jwt",
                "tls_client_auth",
                "none",
            ],
        }
