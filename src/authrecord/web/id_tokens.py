"""Whom a provider says somebody is: its ID token, verified (OpenID Connect Core 1.0 §3.1.3.7).

Signatures are joserfc's. What this adds is the allow-list of algorithms, the bounds, and the claims: an ID token is
taken from this issuer, for this client, for this login, and now; anything else is an error without a word of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from ..core.contracts import Steps
from ..core.errors import BadAnswer, TryLater
from ..core.messages import Request
from ..core.secret import Secret

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "Ed25519", "EdDSA"),
)
"""Signatures by a key that the provider publishes. Never `none`, and never one with a shared secret."""

LEEWAY: Final = 60.0
"""Seconds by which the two clocks may differ."""

MOST_KEYS: Final = 100
LONGEST_TOKEN: Final = 64 * 1024
LONGEST_SUBJECT: Final = 255
LONGEST_EMAIL: Final = 254


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an ID token must say. Times are UTC seconds.

    `nonce`: of this login. `since`: the person must have logged in at the provider after that; 0 for at any time.
    """

    issuer: str
    client_id: str
    nonce: Secret
    now: float
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, as the provider knows them. `email`: only one that the provider has verified, else empty."""

    issuer: str
    subject: str
    email: str


def fetch_keys(jwks_uri: str) -> Steps[KeySet]:
    """The keys that a provider signs with (RFC 7517). Raises `BadAnswer`, `TryLater`."""
    if not jwks_uri:
        raise BadAnswer("the provider publishes no keys (jwks_uri).", code="no_keys")
    response = yield Request("GET", jwks_uri, headers=(("Accept", "application/json"),))
    if response.status == 429 or response.status >= 500:
        raise TryLater(f"the provider's keys answered {response.status}.", code="provider_unwell")
    if response.status != 200:
        raise BadAnswer(f"the provider's keys answered {response.status}.", code="bad_keys")
    return _key_set(response.body)


def _key_set(body: bytes) -> KeySet:
    from joserfc import errors
    from joserfc.jwk import KeySet

    fault = BadAnswer("the provider's keys cannot be read.", code="bad_keys")
    try:
        listed = json.loads(body)["keys"]
        if not isinstance(listed, list) or len(listed) > MOST_KEYS:
            raise fault
        # A shared secret among them is nobody's, and what is not for signatures signs nothing.
        usable = [
            one for one in listed if one.get("kty") in {"RSA", "EC", "OKP"} and one.get("use", "sig") == "sig"
        ]
        return KeySet.import_key_set({"keys": usable})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, errors.JoseError):
        raise fault from None


def verified(id_token: Secret, keys: KeySet, wanted: Wanted) -> Subject:
    """Who that is. Raises `BadAnswer`: code `id_token` for one that is not right, `unknown_key` for a new key."""
    return _checked(_claims(id_token.reveal(), keys), wanted)


def _claims(text: str, keys: KeySet) -> Mapping[str, Any]:
    from joserfc import errors, jwt

    if len(text) > LONGEST_TOKEN or text.count(".") != 2:
        raise _refused("is no signed JWT")
    try:
        return jwt.decode(text, keys, algorithms=list(ALGORITHMS)).claims
    except errors.InvalidKeyIdError:
        fault = BadAnswer("the ID token is signed with a key that the provider does not publish.")
        fault.code = "unknown_key"
    except (errors.JoseError, ValueError, TypeError, KeyError, RecursionError):
        fault = _refused("has no signature that counts")
    raise fault


def _checked(claims: Mapping[str, Any], wanted: Wanted) -> Subject:
    if claims.get("iss") != wanted.issuer:
        raise _refused("is of another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if wanted.client_id not in audiences:
        raise _refused("was made for another client")
    if claims.get("azp", wanted.client_id) != wanted.client_id or (
        len(audiences) > 1 and "azp" not in claims
    ):
        raise _refused("was given to another client")
    if _time(claims, "exp") <= wanted.now - LEEWAY:
        raise _refused("has run out")
    if max(_time(claims, "iat"), _time(claims, "nbf", 0.0)) > wanted.now + LEEWAY:
        raise _refused("is of the future: the clocks differ")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not compare_digest(nonce.encode(), wanted.nonce.reveal().encode()):
        raise _refused("belongs to another login")
    if wanted.since and _time(claims, "auth_time") < wanted.since - LEEWAY:
        raise _refused("tells of an older login: the provider did not ask again")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise _refused("names nobody")
    return Subject(wanted.issuer, subject, _email(claims))


def _email(claims: Mapping[str, Any]) -> str:
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return ""
    return email if len(email) <= LONGEST_EMAIL and email.isprintable() else ""


def _time(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(f"says no {name}")
    return float(value)


def _refused(why: str) -> BadAnswer:
    return BadAnswer(f"the provider's ID token {why}.", hint="Nobody was signed in by it.", code="id_token")
