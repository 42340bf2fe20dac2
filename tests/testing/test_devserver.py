"""The document that comes with the development server works against it, as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest

import authrecord
from authrecord.documents import read_file
from authrecord.testing import devserver
from tests.canary_watch import Canary
from tests.testing.raw import exchange, request

KINDS = ["bearer", "api-key", "authorization-code", "implicit", "password", "client-credentials"]
UNATTENDED = ["bearer", "api-key", "password", "client-credentials"]
"""What needs nobody at a browser."""


def make(canary: Canary, label: str) -> str:
    """What may hold any character holds hard ones, so that the document must quote them."""
    return canary(label, alphabet="hard") if label in {"client_secret", "password"} else canary(label)


@pytest.fixture
def started(canary: Canary, tmp_path: Path) -> Iterator[tuple[devserver.DevServer, Path]]:
    """A running development server, and its document in a file."""
    one = devserver.start(token_life=1.0, make_secret=lambda label: make(canary, label))
    document = tmp_path / "authrecord.yaml"
    for secret in one.secrets:
        canary.allow(secret, sink="file:authrecord.yaml")
    document.write_text(one.document, encoding="utf-8")
    yield one, document
    one.server.stop()


def test_it_holds_a_record_of_each_of_the_six_kinds(started: tuple[devserver.DevServer, Path]) -> None:
    assert [record.name for record in read_file(started[1])] == KINDS


@pytest.mark.parametrize("name", UNATTENDED)
def test_a_record_that_needs_nobody_authenticates_a_request(
    started: tuple[devserver.DevServer, Path], name: str
) -> None:
    one, document = started
    with (
        authrecord.open_records(document, in_memory=True) as records,
        records.attach(httpx2.Client(trust_env=False), name) as http,
    ):
        assert http.get(one.server.api_url).json() == {"ok": True}
    assert one.server.counters.expired_answers == 0


@pytest.mark.parametrize(("name", "response_type"), [("authorization-code", "code"), ("implicit", "token")])
def test_its_user_can_log_in_for_the_records_that_need_a_browser(
    started: tuple[devserver.DevServer, Path], name: str, response_type: str
) -> None:
    one, document = started
    record = next(record for record in read_file(document) if record.name == name)
    assert isinstance(record.auth, authrecord.OAuth2)
    query = {
        "response_type": response_type,
        "client_id": str(record.auth.credentials.client_id),
        "redirect_uri": "http://127.0.0.1:49152/callback",
        "state": "s",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    form = {"username": one.user.username, "password": one.user.password, "consent": "yes"}
    url = f"{record.auth.authorization.url}?{urlencode(query)}"
    # Not with an HTTP library: they log the headers of the answer, as a browser does not.
    answer = exchange(url, request(url, method="POST", body=urlencode(form).encode()))
    target = urlsplit(answer.header("location"))
    given = dict(parse_qsl(target.query or target.fragment))
    assert given["state"] == "s"
    assert given["code" if response_type == "code" else "access_token"]
