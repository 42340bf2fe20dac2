"""Renewal by refresh token: rotation, keeping the old one, the endpoint that must not move."""

from __future__ import annotations

import pytest

from authrecord.core.errors import LoginRequired, RecordFault, Refused
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants import refresh
from authrecord.grants.client import ResolvedParameter
from tests.canary_watch import Canary
from tests.grants.drive import NOW, answer, client, drive, form, means


def held(canary: Canary, **values: object) -> Token:
    defaults: dict[str, object] = {
        "access_token": Secret(canary("old access")),
        "refresh_token": Secret(canary("old refresh")),
        "obtained_at": NOW - 100,
        "scope": "read",
        "issued_by": "https://id.example.com/token",
    }
    return Token(**{**defaults, **values})  # type: ignore[arg-type]  # the caller's keyword arguments


def test_S22_S84_a_new_refresh_token_takes_the_place_of_the_old_one(canary: Canary) -> None:
    new = canary("new refresh")
    given = {"access_token": canary("access"), "token_type": "bearer", "refresh_token": new}
    old = held(canary)
    token, requests = drive(refresh.obtain(client(), old, means()), answer(given))
    assert old.refresh_token is not None
    assert form(requests[0]) == {"grant_type": "refresh_token", "refresh_token": old.refresh_token.reveal()}
    assert token.refresh_token == Secret(new)


def test_S22_missing_new_refresh_token_keeps_the_old_one(canary: Canary) -> None:
    old = held(canary, id_token=Secret(canary("id")))
    given = {"access_token": canary("access"), "token_type": "bearer"}
    token, _ = drive(refresh.obtain(client(), old, means()), answer(given))
    assert token.refresh_token == old.refresh_token
    assert token.id_token == old.id_token


def test_S22_the_scope_is_never_wider_than_what_was_granted(canary: Canary) -> None:
    given = {"access_token": canary("access"), "token_type": "bearer"}
    token, requests = drive(
        refresh.obtain(client(scope="read write admin"), held(canary), means()), answer(given)
    )
    assert "scope" not in form(requests[0])
    assert token.scope == "read"


def test_the_refresh_url_defaults_to_the_access_token_url(canary: Canary) -> None:
    given = {"access_token": canary("access"), "token_type": "bearer"}
    _, requests = drive(refresh.obtain(client(), held(canary), means()), answer(given))
    assert requests[0].url == "https://id.example.com/token"
    other = client(refresh_url="https://id.example.com/refresh")
    _, requests = drive(refresh.obtain(other, held(canary), means()), answer(given))
    assert requests[0].url == "https://id.example.com/refresh"


def test_refresh_parameters_go_with_refreshes_and_token_parameters_do_not(canary: Canary) -> None:
    one = client(
        token_parameters=(ResolvedParameter("for_token", "1", "body"),),
        refresh_parameters=(
            ResolvedParameter("for_refresh", "2", "body"),
            ResolvedParameter("x-q", "3", "query"),
        ),
    )
    given = {"access_token": canary("access"), "token_type": "bearer"}
    _, requests = drive(refresh.obtain(one, held(canary), means()), answer(given))
    assert form(requests[0])["for_refresh"] == "2"
    assert "for_token" not in form(requests[0])
    assert requests[0].wire_url().endswith("?x-q=3")


def test_S68_discovered_metadata_that_moved_gets_no_refresh_token(canary: Canary) -> None:
    moved = client(token_url="https://evil.example.net/token", discovered_token_url=True)
    with pytest.raises(RecordFault) as fault:
        next(refresh.obtain(moved, held(canary), means()))
    assert fault.value.code == "endpoint_moved"
    written = client(token_url="https://new.example.net/token")
    assert next(refresh.obtain(written, held(canary), means())).url == "https://new.example.net/token"


def test_C29_a_refusal_does_not_echo_the_refresh_token(canary: Canary) -> None:
    old = held(canary)
    assert old.refresh_token is not None
    given = {"error": "invalid_grant", "error_description": f"unknown {old.refresh_token.reveal()}"}
    with pytest.raises(Refused) as refused:
        drive(refresh.obtain(client(), old, means()), answer(given, status=400))
    canary.scan(str(refused.value) + refused.value.description, "exception text")


def test_without_a_refresh_token_there_is_nothing_to_refresh(canary: Canary) -> None:
    with pytest.raises(LoginRequired):
        next(refresh.obtain(client(), held(canary, refresh_token=None), means()))
