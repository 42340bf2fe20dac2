"""oidc-provider as the tests see it: its issuer, its user, its clients and their keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.canary_watch import Canary
from tests.real import availability
from tests.real.availability import OIDC_PROVIDER
from tests.real.browser_login import Person
from tests.real.server_process import ServerProcess, serving

BRIEF_SECONDS: Final = 2
CALLBACK: Final = "http://127.0.0.1/callback"
CALLBACK_ANY_PORT: Final = "http://127.0.0.1:0/callback"
KEY_ID: Final = "authrecord-tests"

METHODS: Final = ("client_secret_basic", "client_secret_jwt", "private_key_jwt")
RECORD_METHODS: Final = {
    "client_secret_basic": "basic",
    "client_secret_jwt": "client_secret_jwt",
    "private_key_jwt": "private_key_jwt",
}

ODD_TAIL: Final = "+/%&#:=?;~ '\"\\<>@!"
"""What the client `odd` has in its id and in its secret: all that Basic must form-encode (RFC 6749 §2.3.1).

Only ASCII: the provider refuses other characters in Basic, as RFC 6749 appendix A.2 does.
"""
ODD_CLIENT: Final = "odd" + ODD_TAIL


@dataclass(frozen=True)
class OidcProvider:
    """A running provider. `secrets`: what `${env:NAME}` stands for in its records."""

    server: ServerProcess
    person: Person
    secrets: dict[str, str] = field(repr=False)

    @property
    def api(self) -> str:
        """The protected address: 200 with the right token, else 401."""
        return f"{self.server.origin}/api/hello"

    def code(self, client_id: str = "app", callback_url: str = CALLBACK_ANY_PORT) -> dict[str, Any]:
        """A record for the authorization code grant that knows nothing but the issuer."""
        authorization = {"callback_url": callback_url, "scope": "openid read"}
        credentials = {"client_id": client_id, "client_secret": "${env:CLIENT_SECRET}"}
        return self._record("authorization_code", client_id, credentials, authorization=authorization)

    @property
    def page_client(self) -> tuple[str, str]:
        """Id and secret of the client by which people come in at a page of ours."""
        return "page", self.secrets["CLIENT_SECRET"]

    def machine(self, method: str, *, brief: bool = False) -> dict[str, Any]:
        """A record for the client credentials grant, whose client proves itself by `method`."""
        client_id = f"machine-{method}" + ("-brief" if brief else "")
        credentials = {"client_id": client_id, "client_secret": "${env:CLIENT_SECRET}"}
        if method == "private_key_jwt":
            credentials |= {"client_secret": "${env:CLIENT_KEY}", "key_id": KEY_ID}
        exchange = {"client_authentication": RECORD_METHODS[method], "scope": "read"}
        return self._record("client_credentials", client_id, credentials, token_exchange=exchange)

    def odd_machine(self) -> dict[str, Any]:
        """The same for the client whose id and secret hold odd characters."""
        credentials = {"client_id": ODD_CLIENT, "client_secret": "${env:ODD_SECRET}"}
        exchange = {"client_authentication": "basic", "scope": "read"}
        return self._record("client_credentials", "odd", credentials, token_exchange=exchange)

    def _record(self, grant: str, name: str, credentials: dict[str, str], **groups: Any) -> dict[str, Any]:
        auth = {"type": "oauth2", "grant": grant, "issuer": self.server.origin, "credentials": credentials}
        return {"name": name, "allowed_origins": [self.server.origin], "auth": auth | groups}


@contextmanager
def oidc_provider(canary: Canary) -> Iterator[OidcProvider]:
    """Starts Node; ends it. The client's private key exists in this process only."""
    person = Person("ann", canary("oidc_user_password", alphabet="hard"))
    secret = canary("oidc_client_secret")
    odd = canary.watch(canary("oidc_odd_secret") + ODD_TAIL, "oidc_odd_secret")
    private, public = new_client_key(canary)
    settings = {
        "username": person.username,
        "password": person.password,
        "token_seconds": 300,
        "brief_seconds": BRIEF_SECONDS,
        "cookie_keys": [canary("oidc_cookie_key")],
        "clients": [*_clients(secret, public), _basic_machine(ODD_CLIENT, odd)],
    }
    executable = availability.node()
    assert executable is not None
    command = [executable, str(OIDC_PROVIDER / "server.mjs")]
    with serving("oidc-provider", command, settings=settings, folder=OIDC_PROVIDER) as server:
        secrets = {"CLIENT_SECRET": secret, "CLIENT_KEY": private, "ODD_SECRET": odd}
        yield OidcProvider(server, person, secrets)


def _clients(secret: str, public: dict[str, Any]) -> list[dict[str, Any]]:
    interactive = [
        {
            "client_id": client_id,
            "client_secret": secret,
            "application_type": "native",  # any port of a loopback address: RFC 8252 §7.3
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        }
        for client_id in ("app", "app-brief")
    ]
    page = interactive[0] | {
        "client_id": "page",
        "redirect_uris": ["http://127.0.0.1/sign-in/answer"],
        "grant_types": ["authorization_code"],
    }
    return [*interactive, page] + [
        {
            "client_id": f"machine-{method}{brief}",
            "token_endpoint_auth_method": method,
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "response_types": [],
            **({"jwks": {"keys": [public]}} if method == "private_key_jwt" else {"client_secret": secret}),
        }
        for method in METHODS
        for brief in ("", "-brief")
    ]


def _basic_machine(client_id: str, secret: str) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "client_secret": secret,
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
    }


def new_client_key(canary: Canary) -> tuple[str, dict[str, Any]]:
    """A new key: private as PEM, whose every line is watched, and public as JWK."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from joserfc.jwk import ECKey

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    canary.watch(pem, "oidc_client_key")
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    public = dict(ECKey.import_key(public_pem).as_dict(private=False))
    return pem, json.loads(json.dumps(public)) | {"kid": KEY_ID, "use": "sig", "alg": "ES256"}
