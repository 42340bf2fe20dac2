"""The token endpoint of the honest server (RFC 6749 §3.2): every grant, rotation, reuse detection."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from .client_proof import Refusal, authenticated
from .messages import Received, Reply, as_json, doubled
from .state import Client, State

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")

NEVER_IN_A_URL = frozenset(
    {"client_secret", "client_assertion", "password", "code", "code_verifier", "refresh_token"}
)
"""Parameters that are refused in the query of a token request (RFC 6749 §2.3.1)."""


@dataclass(slots=True)
class TokenSettings:
    """How tokens are issued.

    `life` in seconds, fractions allowed. `says_life`: what `expires_in` says, `None` for the truth, a negative
    number for nothing. `grace`: seconds in which a rotated refresh token is accepted once more.
    """

    life: float = 3600.0
    says_life: float | None = None
    rotate: bool = True
    reuse_ends_the_login: bool = True
    grace: float = 0.0


def answer(received: Received, state: State, settings: TokenSettings, audiences: tuple[str, ...]) -> Reply:
    """The answer to a token request."""
    pairs = received.form
    form = dict(pairs)
    if received.method != "POST":
        return as_json({"error": "invalid_request", "error_description": "POST is required"}, 405)
    try:
        if doubled(pairs):
            raise Refusal("invalid_request", "a parameter appears more than once")
        if NEVER_IN_A_URL & {name for name, _ in received.query}:
            raise Refusal("invalid_request", "a secret stands in the URL")
        client = authenticated(received, form, state, audiences)
        return _granted(form, client, state, settings)
    except Refusal as refusal:
        if refusal.error == "invalid_client":
            state.count(invalid_client=1)
        if refusal.error == "invalid_grant":
            state.count(invalid_grant=1)
        return refused(refusal)


def refused(refusal: Refusal) -> Reply:
    """The error answer of RFC 6749 §5.2."""
    challenge = (("www-authenticate", 'Basic realm="token"'),) if refusal.status == 401 else ()
    said = {"error": refusal.error, "error_description": refusal.description}
    return as_json(said, refusal.status, challenge)


def _granted(form: Mapping[str, str], client: Client, state: State, settings: TokenSettings) -> Reply:
    grant = form.get("grant_type", "")
    if grant not in client.grants and not (grant == "refresh_token" and client.grants):
        raise Refusal("unauthorized_client", f"this client may not use {grant or 'no grant'}")
    if grant == "client_credentials":
        if not client.secret and client.authentication not in {"private_key_jwt", "tls_client_auth"}:
            raise Refusal("unauthorized_client", "a public client may not use client_credentials")
        return _tokens(client, form.get("scope", ""), state, settings, renewable=False)
    if grant == "password":
        user = state.users.get(form.get("username", ""))
        if user is None or not hmac.compare_digest(form.get("password", "").encode(), user.password.encode()):
            raise Refusal("invalid_grant", "name or password is wrong")
        return _tokens(client, form.get("scope", ""), state, settings, renewable=True)
    if grant == "authorization_code":
        return _code(form, client, state, settings)
    if grant == "refresh_token":
        return _refresh(form, client, state, settings)
    raise Refusal("unsupported_grant_type")


def _code(form: Mapping[str, str], client: Client, state: State, settings: TokenSettings) -> Reply:
    with state.lock:
        presented = form.get("code", "")
        code = state.codes.pop(presented, None)
        if presented in state.used_codes:
            # RFC 6749 §4.1.2: what was issued for a code that comes twice is revoked.
            state.dead_families.add(state.used_codes[presented])
    if code is None or code.until <= state.now():
        raise Refusal("invalid_grant", "the code is unknown, over, or was used before")
    if code.client_id != client.client_id or code.redirect_uri != form.get("redirect_uri"):
        raise Refusal("invalid_grant", "the code belongs to another client or redirect_uri")
    verifier = form.get("code_verifier", "")
    if verifier and VERIFIER.fullmatch(verifier) is None:
        raise Refusal("invalid_grant", "a code_verifier has 43 to 128 unreserved characters (RFC 7636 §4.1)")
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if code.challenge != (challenge if verifier else ""):
        raise Refusal("invalid_grant", "the code_verifier does not fit")
    family = state.new_family()
    state.used_codes[presented] = family
    return _tokens(client, code.scope, state, settings, renewable=True, family=family)


def _refresh(form: Mapping[str, str], client: Client, state: State, settings: TokenSettings) -> Reply:
    with state.lock:
        found = state.refresh.get(form.get("refresh_token", ""))
        if found is None or found.client_id != client.client_id or found.family in state.dead_families:
            raise Refusal("invalid_grant", "the refresh token is unknown or revoked")
        if not set(form.get("scope", "").split()) <= set(found.scope.split()):
            raise Refusal("invalid_scope", "more scope than was granted (RFC 6749 §6)")
        if not settings.rotate:
            return _tokens(client, found.scope, state, settings, renewable=False, family=found.family)
        now = state.now()
        if found.used_at is not None and now - found.used_at >= settings.grace:
            state.count(reuse_detected=1)
            if settings.reuse_ends_the_login:
                state.dead_families.add(found.family)
            raise Refusal("invalid_grant", "the refresh token was used before")
        found.used_at = now if found.used_at is None else found.used_at
        return _tokens(client, found.scope, state, settings, renewable=True, family=found.family)


def _tokens(
    client: Client, scope: str, state: State, settings: TokenSettings, *, renewable: bool, family: str = ""
) -> Reply:
    access, refresh = state.issue(client.client_id, scope, settings.life, family=family, renewable=renewable)
    body: dict[str, object] = {"access_token": access, "token_type": "Bearer"}
    says = settings.life if settings.says_life is None else settings.says_life
    if says >= 0:
        body["expires_in"] = int(says) if says == int(says) else says
    if refresh:
        body["refresh_token"] = refresh
    if scope:
        body["scope"] = scope
    return as_json(body, headers=(("pragma", "no-cache"),))
