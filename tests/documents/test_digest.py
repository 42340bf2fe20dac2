"""Two digests: what a kept token depends on, and where secrets may travel."""

from __future__ import annotations

from typing import Any

import pytest

from authrecord.documents import destination_digest, token_digest
from tests.canary_watch import Canary
from tests.documents.examples import bearer, oauth2, record


def _digests(data: dict[str, Any]) -> tuple[str, str]:
    one = record(data)
    return token_digest(one), destination_digest(one)


BASE = oauth2("authorization_code", {"token_exchange.expired_pattern": "expired"})


@pytest.mark.parametrize(
    ("path", "value", "token_changes", "destination_changes"),
    [
        ("credentials.client_id", "other", True, False),
        ("credentials.client_secret", "${env:OTHER}", True, False),
        ("authorization.scope", "more", True, False),
        ("authorization.url", "https://id.example.com/other", True, True),
        ("authorization.callback_url", "http://127.0.0.1:1/cb", True, True),
        ("token_exchange.url", "https://id.example.com/other", True, True),
        ("token_exchange.parameters", [{"key": "a", "value": "b"}], True, False),
        ("token_exchange.client_authentication", "body", True, True),
        ("token_refresh.url", "https://id.example.com/refresh", True, True),
        ("issuer", "https://id.example.com", True, True),
        ("revocation_url", "https://id.example.com/revoke", False, True),
        ("allow_insecure", True, True, True),
        ("token_exchange.expired_pattern", "over", False, False),
        ("token_usage.header_prefix", "Token", False, False),
        ("token_usage.header_name", "X-Token", False, True),
        ("token_usage.add_to", "query", False, True),
    ],
)
def test_each_digest_changes_with_what_it_stands_for(
    path: str, value: object, token_changes: bool, destination_changes: bool
) -> None:
    before = _digests(BASE)
    after = _digests(oauth2("authorization_code", {"token_exchange.expired_pattern": "expired", path: value}))
    assert (before[0] != after[0], before[1] != after[1]) == (token_changes, destination_changes)


def test_a_name_or_a_description_drops_no_token_and_origins_bind_the_destination() -> None:
    renamed = {**BASE, "name": "other", "description": "x", "tags": ["y"]}
    assert _digests(renamed) == _digests(BASE)
    bound = {**BASE, "allowed_origins": ["https://b.example", "https://a.example"]}
    assert _digests(bound)[0] == _digests(BASE)[0]
    assert _digests(bound)[1] != _digests(BASE)[1]
    turned = {**bound, "allowed_origins": ["https://a.example", "https://b.example", "https://b.example"]}
    assert _digests(turned) == _digests(bound)


def test_a_digest_is_64_hexadecimal_digits_and_the_same_in_another_process() -> None:
    """The literal values: a change of the canonical form must be meant, since it drops every kept token."""
    for digest in _digests(bearer()):
        assert len(digest) == 64
        assert set(digest) <= set("0123456789abcdef")
    assert _digests(bearer()) == PINNED


def test_a_literal_secret_counts_and_a_reference_of_the_same_letters_is_not_the_same(canary: Canary) -> None:
    first, second = canary("first"), canary("second")
    digests = {
        token_digest(record(bearer(token=token))) for token in (first, second, "${env:TOKEN}", "${env:T}")
    }
    assert len(digests) == 4
    assert destination_digest(record(bearer(token=first))) == destination_digest(record(bearer(token=second)))


PINNED = (
    "3bb5d7a59cf4f603249098e4d4955b7753e6eba0b9675f4aaf6ab1723a11fe17",
    "c5b5bb1fb7a400ff03ce8c6702c13368598d72870a3e144e00fec2278b818243",
)
