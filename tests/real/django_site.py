"""django-oauth-toolkit as the tests see it: its address, its user, its applications, and records for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.canary_watch import Canary
from tests.real.browser_login import Person
from tests.real.server_process import ServerProcess, serving

ROOT: Final = Path(__file__).parents[2]
BRIEF_SECONDS: Final = 2
"""How long a token of an application named `…-brief` lives."""

# The toolkit follows RFC 8252 §7.3: a loopback address is registered without a port, and any port is right.
CALLBACK: Final = "http://127.0.0.1/callback"
CALLBACK_ANY_PORT: Final = "http://127.0.0.1:0/callback"

APPLICATIONS: Final = {
    "code-confidential": "authorization-code",
    "code-public": "authorization-code",
    "code-brief": "authorization-code",
    "page": "implicit",
    "trusted": "password",
    "trusted-brief": "password",
    "machine": "client-credentials",
    "machine-brief": "client-credentials",
}
"""Client ids, and their grants by the toolkit's names."""

PUBLIC: Final = frozenset({"code-public", "page"})


@dataclass(frozen=True)
class DjangoProvider:
    """A running provider. `secrets`: what `${env:NAME}` stands for in its records."""

    server: ServerProcess
    person: Person
    secrets: dict[str, str] = field(repr=False)

    @property
    def api(self) -> str:
        """The protected address: 200 with the right token, else 401."""
        return f"{self.server.origin}/api/hello"

    @property
    def token_url(self) -> str:
        """The toolkit's token endpoint."""
        return f"{self.server.origin}/o/token/"

    def code(self, client_id: str, **changes: Any) -> dict[str, Any]:
        """A record for the authorization code grant."""
        return self._record("authorization_code", client_id, authorization=True, **changes)

    def implicit(self) -> dict[str, Any]:
        """A record for the implicit grant."""
        return self._record("implicit", "page", authorization=True, token_exchange=None)

    def password(self, client_id: str, **changes: Any) -> dict[str, Any]:
        """A record for the password grant."""
        record = self._record("password", client_id, **changes)
        credentials = {"username": self.person.username, "password": "${env:USER_PASSWORD}"}
        record["auth"]["credentials"].update(credentials)
        return record

    def machine(self, client_id: str, **changes: Any) -> dict[str, Any]:
        """A record for the client credentials grant."""
        return self._record("client_credentials", client_id, **changes)

    def _record(
        self, grant: str, client_id: str, *, authorization: bool = False, **changes: Any
    ) -> dict[str, Any]:
        credentials = {"client_id": client_id}
        exchange: dict[str, Any] = {"url": self.token_url}
        if client_id in PUBLIC:
            exchange["client_authentication"] = "none"
        else:
            credentials["client_secret"] = "${env:CLIENT_SECRET}"
        auth: dict[str, Any] = {"type": "oauth2", "grant": grant, "credentials": credentials}
        auth["token_exchange"] = exchange
        if authorization:
            url = f"{self.server.origin}/o/authorize/"
            auth["authorization"] = {"url": url, "callback_url": CALLBACK_ANY_PORT, "scope": "read"}
        auth.update(changes)
        kept = {key: value for key, value in auth.items() if value is not None}
        return {"name": client_id, "allowed_origins": [self.server.origin], "auth": kept}


@contextmanager
def django_provider(canary: Canary) -> Iterator[DjangoProvider]:
    """Starts Django with fresh tables; ends it."""
    person = Person("ann", canary("django_user_password", alphabet="hard"))
    # Holds every character that Basic authentication must form-encode: RFC 6749 §2.3.1.
    secret = canary("django_client_secret", alphabet="hard")
    settings = {
        "secret_key": canary("django_secret_key"),
        "username": person.username,
        "password": person.password,
        "token_seconds": 300,
        "brief_seconds": BRIEF_SECONDS,
        "applications": [
            {
                "client_id": client_id,
                "client_secret": "" if client_id in PUBLIC else secret,
                "grant": grant,
                "redirect_uris": CALLBACK if grant in {"authorization-code", "implicit"} else "",
            }
            for client_id, grant in APPLICATIONS.items()
        ],
    }
    command = [sys.executable, "-m", "tests.real.django_provider.serve"]
    with serving("django-oauth-toolkit", command, settings=settings, folder=ROOT) as server:
        yield DjangoProvider(server, person, {"CLIENT_SECRET": secret, "USER_PASSWORD": person.password})
