"""Floor 4: signed JWTs for client authentication (RFC 7523), made by joserfc, an extra of the package.

The law of this room: it imports `core` only, and joserfc when a JWT is really made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .core.errors import RecordFault
from .core.secret import Secret

if TYPE_CHECKING:
    from joserfc.jwk import Key

FIELD = "auth.credentials.client_secret"
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}


def sign(claims: Mapping[str, str | int], key: Secret, algorithm: str, key_id: str) -> Secret:
    """The compact form of a signed JWT; a `core.contracts.Signer`.

    `key`: a private key as PEM or JWK, or for an `HS…` algorithm the shared secret. `algorithm`: empty means the
    usual one for the key's type. Raises `RecordFault` when joserfc is missing or the key cannot be used.
    """
    try:
        from joserfc import errors, jwt
    except ImportError:
        raise RecordFault(
            "signed JWTs need the extra `jose`.",
            field=FIELD,
            hint="Install it: pip install 'authrecord[jose]'.",
        ) from None
    try:
        private_key = _key(key, symmetric=algorithm.startswith("HS"))
        chosen = algorithm or _usual_algorithm(private_key)
        header = {"alg": chosen, "typ": "JWT", **({"kid": key_id} if key_id else {})}
        return Secret(jwt.encode(header, dict(claims), private_key, algorithms=[chosen]))
    except (errors.JoseError, ValueError, TypeError, KeyError, IndexError):
        pass  # the library's own words, and the exception's context, may hold parts of the key: raised below
    raise RecordFault(
        "the key cannot sign the client assertion.",
        field=FIELD,
        hint="Give a private key as PEM or JWK that fits assertion_algorithm, without a passphrase.",
        code="bad_key",
    )


def _key(key: Secret, *, symmetric: bool) -> Key:
    from joserfc import errors, jwk

    text = key.reveal().strip()
    if symmetric:
        return jwk.OctKey.import_key(key.reveal())
    if text.startswith("{"):
        document = json.loads(text)
        return jwk.import_key(document["keys"][0] if "keys" in document else document)
    for kind in (jwk.ECKey, jwk.RSAKey, jwk.OKPKey):
        try:
            return kind.import_key(text)
        except (errors.JoseError, ValueError, TypeError):
            continue
    raise ValueError("not a private key")


def _usual_algorithm(key: Key) -> str:
    if key.key_type == "RSA":
        return "RS256"
    if key.key_type == "OKP":
        return "Ed25519"  # RFC 9864: the fully specified name
    return _CURVES[str(key.as_dict()["crv"])]
