"""An OpenID Connect provider that says whatever a test wants of it."""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.canary_watch import Canary

CLIENT_ID: Final = "authrecord-page"


class IdProvider:
    """The provider. `claims`: changes to an ID token that is right; one that is `None` is left out.

    `signs`: what makes the ID token's text of its claims. `keys`: what it publishes. `answer`: changes to the token
    endpoint's answer. `asked`: the forms that came to the token endpoint.
    """

    def __init__(self, canary: Canary) -> None:
        self.canary = canary
        self.secret = canary("provider's client secret")
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.asked: list[dict[str, str]] = []
        self.key_requests = 0
        self.issuer = ""
        self.begin()

    def begin(self) -> None:
        """As an honest provider is."""
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.signs: Any = lambda header, claims: jwt.encode(
            header, claims, self.key, algorithms=[header["alg"]]
        )
        self.keys: list[Mapping[str, Any]] = [self.key.as_dict(private=False)]
        self.answer: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.nonce = ""
        self.asked.clear()

    def document(self) -> dict[str, Any]:
        """The provider's metadata."""
        told = {
            name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        }
        return {
            "issuer": self.issuer,
            "authorization_response_iss_parameter_supported": True,
            **told,
            **self.metadata,
        }

    def token(self) -> dict[str, Any]:
        """The answer of the token endpoint."""
        now = time.time()
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "0001",
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": self.nonce,
            "email": "ada@example.com",
            "email_verified": True,
            **self.claims,
        }
        text = self.signs(self.header, {key: value for key, value in claims.items() if value is not None})
        answer = {"access_token": self.canary("access token"), "token_type": "Bearer", "id_token": text}
        return {key: value for key, value in {**answer, **self.answer}.items() if value is not None}


def unsigned(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A JWT of the algorithm `none`."""
    return f"{_signed_part({**header, 'alg': 'none'}, claims)}."


def by_shared_secret(secret: bytes) -> Any:
    """Signs with a secret that both know, or with a public key taken for one: what a library may refuse to make."""

    def signed(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        part = _signed_part({**header, "alg": "HS256"}, claims)
        return f"{part}.{_encoded(hmac.digest(secret, part.encode(), 'sha256'))}"

    return signed


def _signed_part(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return ".".join(_encoded(json.dumps(one).encode()) for one in (header, claims))


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


@contextmanager
def id_provider(canary: Canary) -> Iterator[IdProvider]:
    """A running one."""
    provider = IdProvider(canary)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/.well-known/openid-configuration":
                self._say(200, provider.document())
            elif path == "/jwks_uri":
                provider.key_requests += 1
                self._say(200, {"keys": provider.keys})
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            provider.asked.append({key: values[0] for key, values in parse_qs(body).items()})
            self._say(200, provider.token())

        def _say(self, status: int, told: Any) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
