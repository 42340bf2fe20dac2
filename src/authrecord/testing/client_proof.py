"""Checks client authentication: exactly one way, and the one that was registered (RFC 6749 §2.3)."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Mapping
from urllib.parse import unquote_plus

from .messages import Received
from .state import Client, State

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refusal(Exception):
    """An OAuth error answer: `error`, a description, and the HTTP status."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


def authenticated(
    received: Received, form: Mapping[str, str], state: State, audiences: tuple[str, ...]
) -> Client:
    """The client that sent the request. Raises `Refusal`."""
    header = received.header("authorization")
    ways = [bool(header), "client_secret" in form, "client_assertion" in form]
    if sum(ways) > 1:
        raise Refusal("invalid_request", "more than one way of client authentication")
    if header:
        return _basic(header, state)
    if "client_assertion" in form:
        return _assertion(form, state, audiences)
    client = _known(form.get("client_id", ""), state)
    if client.authentication == "tls_client_auth":
        return _certificate(received, client)
    if client.secret and not hmac.compare_digest(
        form.get("client_secret", "").encode(), client.secret.encode()
    ):
        raise Refusal("invalid_client", "the secret is wrong or missing", 401)
    if client.secret and client.authentication != "body":
        raise Refusal("invalid_client", f"this client is registered for {client.authentication}", 401)
    return client


def _known(client_id: str, state: State) -> Client:
    client = state.clients.get(client_id)
    if client is None:
        raise Refusal("invalid_client", "the client is unknown", 401)
    return client


def _basic(header: str, state: State) -> Client:
    scheme, _, encoded = header.partition(" ")
    try:
        identity, colon, secret = b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError:
        raise Refusal("invalid_client", "the Basic header is malformed", 401) from None
    if scheme.lower() != "basic" or not colon:
        raise Refusal("invalid_client", "the Basic header is malformed", 401)
    raw = state.clients.get(identity)
    if raw is not None and raw.authentication == "basic_raw":
        client = raw
    else:
        client, secret = _known(unquote_plus(identity), state), unquote_plus(secret)
    if client.authentication not in {"basic", "basic_raw"}:
        raise Refusal("invalid_client", f"this client is registered for {client.authentication}", 401)
    if not client.secret or not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise Refusal("invalid_client", "the secret is wrong", 401)
    return client


def _certificate(received: Received, client: Client) -> Client:
    """The subject's common name of the peer's certificate is the client's id (RFC 8705 §2.1)."""
    certificate = received.peer_certificate or {}
    subject = certificate.get("subject", ())
    names = (
        [value for part in subject for key, value in part if key == "commonName"]
        if isinstance(subject, tuple)
        else []
    )
    if client.client_id not in names:
        raise Refusal("invalid_client", "the certificate is not this client's", 401)
    return client


def _assertion(form: Mapping[str, str], state: State, audiences: tuple[str, ...]) -> Client:
    """RFC 7523 §3. joserfc verifies; it is an extra and imported only here."""
    from joserfc import jwk, jwt
    from joserfc.errors import JoseError

    if form.get("client_assertion_type") != JWT_BEARER:
        raise Refusal("invalid_client", "client_assertion_type is wrong", 401)
    assertion = form["client_assertion"]
    try:
        claimed = _claims_unchecked(assertion)
        client = _known(str(claimed.get("sub", "")), state)
        if client.authentication == "client_secret_jwt":
            key, algorithms = jwk.OctKey.import_key(client.secret), ["HS256"]
        elif client.authentication == "private_key_jwt":
            key, algorithms = jwk.import_key(json.loads(client.public_key)), ["ES256", "RS256", "EdDSA"]  # type: ignore[assignment]  # either kind of key verifies
        else:
            raise Refusal("invalid_client", f"this client is registered for {client.authentication}", 401)
        claims = jwt.decode(assertion, key, algorithms=algorithms).claims
    except (JoseError, ValueError, KeyError, IndexError, TypeError):
        raise Refusal("invalid_client", "the assertion does not verify", 401) from None
    now = state.now()
    good = (
        claims.get("iss") == claims.get("sub") == client.client_id
        and claims.get("aud") in audiences
        and now - 60 <= float(claims.get("exp", 0)) <= now + 600
        and isinstance(claims.get("jti"), str)
    )
    with state.lock:
        fresh = claims.get("jti") not in state.used_assertions
        state.used_assertions.add(claims.get("jti"))
    if not good or not fresh:
        raise Refusal("invalid_client", "the assertion's claims are wrong, or it was used before", 401)
    return client


def _claims_unchecked(assertion: str) -> Mapping[str, object]:
    """Who the assertion says it is from: needed to find the key that then verifies it."""
    payload = assertion.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if not isinstance(claims, dict):
        raise TypeError("claims are an object")
    return claims
