"""C15: without `expires_in`, the `exp` of a JWT is a hint; anything else is an unknown life."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from authrecord.core.secret import Secret
from authrecord.grants.lifetime import life_of
from tests.canary_watch import Canary
from tests.grants.drive import NOW


def jwt(canary: Canary, claims: object) -> Secret:
    payload = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return Secret(f"{canary('header')}.{payload}.{canary('signature')}")


def test_C15_exp_and_iat_of_a_jwt_give_its_life(canary: Canary) -> None:
    assert life_of({}, jwt(canary, {"exp": NOW + 500, "iat": NOW - 100}), NOW, []) == 600
    assert life_of({}, jwt(canary, {"exp": NOW + 500}), NOW, []) == 500


@pytest.mark.parametrize(
    "claims", [{}, [], 7, {"exp": "x"}, {"exp": None}, {"exp": True}, {"exp": 1.0}, {"exp": 10**400}]
)
def test_C15_a_jwt_without_a_usable_exp_has_an_unknown_life(canary: Canary, claims: object) -> None:
    assert life_of({}, jwt(canary, claims), NOW, []) is None


@pytest.mark.parametrize("text", ["opaque", "a.b.c", "a.!!!.c", "..", "a." + "W10" * 30000 + ".c"])
def test_C15_a_token_that_is_no_jwt_has_an_unknown_life(text: str) -> None:
    assert life_of({}, Secret(text), NOW, []) is None


def test_what_the_provider_says_counts_more_than_the_jwt(canary: Canary) -> None:
    assert life_of({"expires_in": 60}, jwt(canary, {"exp": NOW + 500}), NOW, []) == 60
