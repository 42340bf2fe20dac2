"""Client assertions: signed with every usual kind of key, and a bad key is named without a word of it."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwk, jwt

from authrecord.core.errors import RecordFault
from authrecord.core.secret import Secret
from authrecord.signing import sign
from tests.canary_watch import Canary

CLAIMS: dict[str, str | int] = {
    "iss": "scanner",
    "sub": "scanner",
    "aud": "https://id.example.com",
    "exp": 1_800_000_060,
}


@pytest.mark.parametrize(
    ("kind", "parameter", "algorithm"),
    [
        (jwk.ECKey, "P-256", "ES256"),
        (jwk.ECKey, "P-384", "ES384"),
        (jwk.ECKey, "P-521", "ES512"),
        (jwk.RSAKey, 2048, "RS256"),
        (jwk.OKPKey, "Ed25519", "Ed25519"),
    ],
)
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_S54_an_assertion_verifies_with_the_public_key(
    canary: Canary, kind: Any, parameter: object, algorithm: str, form: str
) -> None:
    import json

    key = kind.generate_key(parameter, private=True)
    text = key.as_pem(private=True).decode() if form == "pem" else json.dumps(key.as_dict(private=True))
    canary.watch(text)
    made = sign(CLAIMS, Secret(text), "", "key-1")
    token = jwt.decode(made.reveal(), key, algorithms=[algorithm])
    assert dict(token.claims) == CLAIMS
    assert token.header == {"alg": algorithm, "typ": "JWT", "kid": "key-1"}


def test_a_key_set_signs_with_its_first_key(canary: Canary) -> None:
    import json

    key = jwk.ECKey.generate_key("P-256", private=True)
    made = sign(CLAIMS, Secret(json.dumps({"keys": [key.as_dict(private=True)]})), "ES256", "")
    assert jwt.decode(made.reveal(), key, algorithms=["ES256"]).claims["iss"] == "scanner"


def test_a_shared_secret_signs_with_hs256(canary: Canary) -> None:
    secret = canary("client_secret")
    made = sign(CLAIMS, Secret(secret), "HS256", "")
    assert (
        dict(jwt.decode(made.reveal(), jwk.OctKey.import_key(secret), algorithms=["HS256"]).claims) == CLAIMS
    )


@pytest.mark.parametrize(
    "broken",
    [
        "{value}",
        '{{"kty": "{value}"}}',
        "-----BEGIN PRIVATE KEY-----\n{value}\n-----END PRIVATE KEY-----",
        '{{"keys": []}}',
    ],
)
def test_a_key_that_cannot_sign_is_named_and_not_shown(canary: Canary, broken: str) -> None:
    with pytest.raises(RecordFault) as fault:
        sign(CLAIMS, Secret(broken.format(value=canary("key"))), "", "")
    assert fault.value.code == "bad_key"
    assert fault.value.__context__ is None


def test_an_algorithm_that_does_not_fit_the_key_is_a_fault_of_the_record(canary: Canary) -> None:
    key = jwk.ECKey.generate_key("P-256", private=True)
    with pytest.raises(RecordFault):
        sign(CLAIMS, Secret(key.as_pem(private=True).decode()), "RS256", "")
