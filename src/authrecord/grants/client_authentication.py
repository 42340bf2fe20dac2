"""How a client proves itself at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2).

Exactly one way per request. A client without a secret sends its `client_id` and nothing empty (§3.2.1).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus

from ..core.contracts import Means
from ..core.errors import RecordFault
from ..core.messages import ClientCertificate, Pairs, plain
from ..core.secret import Secret
from .client import OAuthClient

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS: Final = 60
"""How long a signed assertion is valid."""


@dataclass(frozen=True, slots=True)
class ClientProof:
    """What client authentication adds to a token request."""

    headers: Pairs = ()
    form: Pairs = ()
    certificate: ClientCertificate | None = None


def prove(client: OAuthClient, means: Means) -> ClientProof:
    """The proof that the record asks for.

    Raises `RecordFault` when the record's way needs something it does not have.
    """
    way = client.authentication
    if way == "tls_client_auth":
        return _certificate(client)
    if way == "none" or (not client.client_secret and way in {"basic", "basic_raw", "body"}):
        return ClientProof(form=(("client_id", client.client_id),))
    secret = client.client_secret
    if not secret:
        raise RecordFault(
            f"client authentication {way} needs a key.",
            field="auth.credentials.client_secret",
            hint="Give the private key (PEM or JWK) or the shared secret as client_secret.",
        )
    if way == "basic":
        return ClientProof(headers=(("Authorization", _basic(client, secret, form_encoded=True)),))
    if way == "basic_raw":
        return ClientProof(headers=(("Authorization", _basic(client, secret, form_encoded=False)),))
    if way == "body":
        return ClientProof(form=(("client_id", client.client_id), ("client_secret", secret)))
    if way in {"private_key_jwt", "client_secret_jwt"}:
        return _assertion(client, secret, means)
    raise RecordFault(
        "is not a way of client authentication that authrecord knows.",
        field="auth.token_exchange.client_authentication",
    )


def _basic(client: OAuthClient, secret: Secret, *, form_encoded: bool) -> Secret:
    """RFC 6749 §2.3.1: id and secret are form-encoded *before* base64; `basic_raw` leaves that out."""
    parts = (plain(client.client_id), secret.reveal())
    pair = ":".join(quote_plus(part) for part in parts) if form_encoded else ":".join(parts)
    return Secret("Basic " + b64encode(pair.encode("utf-8")).decode("ascii"))


def _certificate(client: OAuthClient) -> ClientProof:
    if client.certificate is None:
        raise RecordFault("mutual TLS needs a client certificate.", field="auth.credentials.certificate_file")
    return ClientProof(form=(("client_id", client.client_id),), certificate=client.certificate)


def _assertion(client: OAuthClient, key: Secret, means: Means) -> ClientProof:
    """RFC 7523 §3: short-lived, used once, for this one server. No `nbf`: clocks differ (J6)."""
    now = int(means.now())
    claims: dict[str, str | int] = {
        "iss": plain(client.client_id),
        "sub": plain(client.client_id),
        "aud": client.assertion_audience or client.issuer or client.token_url,
        "jti": means.random(),
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    algorithm = client.assertion_algorithm or (
        "HS256" if client.authentication == "client_secret_jwt" else ""
    )
    assertion = means.sign(claims, key, algorithm, client.key_id)
    return ClientProof(form=(("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)))
