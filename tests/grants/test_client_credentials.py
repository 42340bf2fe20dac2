"""Client Credentials: for confidential clients, repeated rather than refreshed."""

from __future__ import annotations

import pytest

from authrecord.core.errors import RecordFault
from authrecord.grants import client_credentials
from tests.canary_watch import Canary
from tests.grants.drive import answer, client, drive, form, means


def test_the_grant_asks_with_its_scope_and_gets_a_token(canary: Canary) -> None:
    given = {"access_token": canary("access"), "token_type": "bearer", "expires_in": 60}
    token, requests = drive(client_credentials.obtain(client(scope="read write"), means()), answer(given))
    assert form(requests[0]) == {"grant_type": "client_credentials", "scope": "read write"}
    assert token.scope == "read write"


def test_without_a_scope_none_is_sent(canary: Canary) -> None:
    given = {"access_token": canary("access"), "token_type": "bearer"}
    _, requests = drive(client_credentials.obtain(client(), means()), answer(given))
    assert "scope" not in form(requests[0])


def test_S20_a_refresh_token_that_was_not_to_come_is_not_kept(canary: Canary) -> None:
    given = {"access_token": canary("access"), "token_type": "bearer", "refresh_token": canary("refresh")}
    token, _ = drive(client_credentials.obtain(client(), means()), answer(given))
    assert token.refresh_token is None


@pytest.mark.parametrize(("way", "secret"), [("none", "x"), ("basic", None), ("body", None)])
def test_S19_a_client_without_authentication_is_refused(canary: Canary, way: str, secret: str | None) -> None:
    from authrecord.core.secret import Secret

    one = client(authentication=way, client_secret=Secret(canary("secret")) if secret else None)
    with pytest.raises(RecordFault, match="client authentication"):
        next(client_credentials.obtain(one, means()))
