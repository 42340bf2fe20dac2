"""What a kept token, and a sealed secret, belong to: two digests of a record.

Both are SHA-256 over canonical JSON (sorted keys, no blanks). Secret values go into the token's digest together
with everything else of the record and never alone: whoever reads the digest and would guess a secret must know
the whole record and every other secret of it. A salt would make the digest useless for its purpose, which is to
be equal in two processes that share nothing but the document; so the digest stays in the 0600 file that holds
the sealed token, and is not logged.
"""

from __future__ import annotations

from typing import Any

from ..core.secret import Secret
from ..record import OAuth2, Record
from .plain import group_of, mapping_of


def token_digest(record: Record) -> str:
    """64 hexadecimal digits over all that an obtained token depends on: an edit of it drops the kept token.

    That is the record's `auth` without `token_usage`, which only says how the token is sent, without
    `expired_pattern`, which only says when it is renewed, and without `revocation_url`, where it ends. References
    count as text; what they name is not read.
    """
    auth: dict[str, Any] = mapping_of(record)["auth"]
    auth.pop("token_usage", None)
    auth.pop("revocation_url", None)
    exchange = auth.get("token_exchange", {})
    exchange.pop("expired_pattern", None)
    exchange.pop("expired_pattern_in_streams", None)
    if not exchange:
        auth.pop("token_exchange", None)
    return _digest({"version": 1, "auth": auth})


def destination_digest(record: Record) -> str:
    """64 hexadecimal digits over where the record's secrets may travel (security decision 2). Holds no secret.

    Allowed origins (in any order), the provider's URLs, where on a request the credential is put, and how the
    client authenticates. A sealed secret is bound to it: who changes a destination must hold the secret.
    """
    auth = record.auth
    place: dict[str, Any] = {"type": auth.type}
    if isinstance(auth, OAuth2):
        usage = auth.token_usage
        place |= {
            "issuer": auth.issuer,
            "authorization_url": auth.authorization.url,
            "callback_url": auth.authorization.callback_url,
            "token_url": auth.token_exchange.url,
            "refresh_url": auth.token_refresh.url,
            "client_authentication": auth.token_exchange.client_authentication,
            "allow_insecure": auth.allow_insecure,
            "add_to": usage.add_to,
            "name": usage.query_name if usage.add_to == "query" else usage.header_name,
        }
        if auth.revocation_url:
            # Only where there is one: what was sealed before this field was known still opens.
            place["revocation_url"] = auth.revocation_url
    else:
        place |= {key: value for key, value in group_of(auth).items() if key in ("key", "send_in", "prefix")}
    return _digest({"version": 1, "allowed_origins": sorted(set(record.allowed_origins)), "auth": place})


def _digest(data: dict[str, Any]) -> str:
    """SHA-256 of `data` in canonical form. The open text lives only in here."""
    import hashlib
    import json

    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=_open_value)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _open_value(value: object) -> Any:
    """A secret as `{"secret": text}`, so that it is not equal to a reference or a plain text of the same letters."""
    return {"secret": value.reveal()} if isinstance(value, Secret) else {"reference": str(value)}
