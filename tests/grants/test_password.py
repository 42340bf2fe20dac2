"""Password Credentials: name and password in the body, nowhere else."""

from __future__ import annotations

import pytest

from authrecord.core.errors import LoginRequired
from authrecord.core.secret import Secret
from authrecord.grants import password
from tests.canary_watch import Canary
from tests.grants.drive import answer, client, drive, form, means


def test_the_grant_sends_name_and_password_in_the_body(canary: Canary) -> None:
    value = canary("password", alphabet="hard")
    one = client(username="ada", password=Secret(value), scope="read")
    given = {"access_token": canary("access"), "token_type": "bearer", "refresh_token": canary("refresh")}
    token, requests = drive(password.obtain(one, means()), answer(given))
    assert form(requests[0]) == {
        "grant_type": "password",
        "username": "ada",
        "password": value,
        "scope": "read",
    }
    assert token.refresh_token is not None
    canary.scan(repr(requests[0]) + requests[0].wire_url(), "request")


def test_S18_without_a_password_a_person_is_asked() -> None:
    with pytest.raises(LoginRequired, match="authrecord login orders"):
        next(password.obtain(client(username="ada"), means()))
