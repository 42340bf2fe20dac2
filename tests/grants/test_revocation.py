"""Revocation (RFC 7009): which token is sent, with which proof, and what the answers mean."""

from __future__ import annotations

import pytest

from authrecord.core.contracts import Means
from authrecord.core.errors import BadAnswer, RecordFault, TryLater
from authrecord.core.messages import Request, Response
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.client import OAuthClient
from authrecord.grants.revocation import revoke
from authrecord.signing import sign
from tests.canary_watch import Canary

URL = "https://id.example.com/revoke"
MEANS = Means(now=lambda: 1_800_000_000.0, random=lambda: "r" * 43, sign=sign)


@pytest.fixture
def client(canary: Canary) -> OAuthClient:
    return OAuthClient(
        name="orders", client_id="scanner", client_secret=Secret(canary("client_secret")), revocation_url=URL
    )


def token(canary: Canary, *, refresh: bool) -> Token:
    return Token(
        access_token=Secret(canary("access_token")),
        obtained_at=1_800_000_000.0,
        refresh_token=Secret(canary("refresh_token")) if refresh else None,
    )


def answered(client: OAuthClient, held: Token, status: int) -> Request:
    """The request that is sent, answered with that status."""
    steps = revoke(client, held, MEANS)
    request = next(steps)
    with pytest.raises(StopIteration):
        steps.send(Response(status, (), b""))
    return request


@pytest.mark.parametrize("refresh", [True, False])
def test_the_refresh_token_is_revoked_or_else_the_access_token(
    client: OAuthClient, canary: Canary, refresh: bool
) -> None:
    held = token(canary, refresh=refresh)
    request = answered(client, held, 200)
    form = dict(request.form or ())
    assert (request.method, request.url) == ("POST", URL)
    assert form["token"] == (held.refresh_token if refresh else held.access_token)
    assert form["token_type_hint"] == ("refresh_token" if refresh else "access_token")
    assert any(name == "Authorization" for name, _ in request.headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, TryLater), (503, TryLater), (400, BadAnswer), (302, BadAnswer), (401, BadAnswer)],
)
def test_any_other_answer_is_a_typed_error(
    client: OAuthClient, canary: Canary, status: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        answered(client, token(canary, refresh=True), status)


def test_a_provider_without_an_endpoint_is_a_fault_with_a_code(canary: Canary) -> None:
    with pytest.raises(RecordFault) as caught:
        next(revoke(OAuthClient(name="orders", client_id="scanner"), token(canary, refresh=True), MEANS))
    assert caught.value.code == "no_revocation"
