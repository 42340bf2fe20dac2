"""What goes wrong between a program and the server is said in the library's own errors, without a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from authrecord.core.errors import (
    AuthrecordError,
    BadAnswer,
    DocumentFault,
    LoginRequired,
    Misconfigured,
    RecordFault,
    Refused,
    StoreFault,
    TryLater,
)
from authrecord.core.messages import Request, Response
from authrecord.core.token import Token
from authrecord.stores.remote.api_token import ApiToken
from authrecord.stores.remote.calls import Called, Calls
from authrecord.stores.remote.store import RemoteStore
from authrecord.stores.remote.tokens import token_from
from authrecord.wiring import Settings, open_records
from tests.canary_watch import Canary
from tests.stores.remote.reach import USER, Reach
from tests.web.stage import bearer

NOBODY = "http://127.0.0.1:9"


def caught_by(deed: Callable[[], object], kind: type[AuthrecordError]) -> AuthrecordError:
    with pytest.raises(kind) as caught:
        deed()
    assert type(caught.value) is kind
    return caught.value


def test_a_scope_that_the_api_token_lacks_is_named(reach: Reach) -> None:
    reach.machine()
    error = caught_by(lambda: reach.records("records:read").token("orders"), StoreFault)
    assert (error.code, "tokens:use" in error.message) == ("forbidden", True)
    error = caught_by(lambda: reach.records("tokens:use").token("orders"), StoreFault)
    assert (error.code, "records:read" in error.message) == ("forbidden", True)


def test_a_revoked_api_token_gets_nothing_and_the_live_token_goes_on(reach: Reach) -> None:
    reach.machine()
    records = reach.records()
    token = records.token("orders")
    reach.web.site.api_tokens.revoke_all("default")
    assert records.token("orders").is_same(token), "what was handed out cannot be taken back"
    error = caught_by(lambda: records.keeper.token(records["orders"], rejected=token), StoreFault)
    assert error.code == "unauthorized"
    assert error.hint == "Make a new one on the settings page of the server."


def test_no_api_token_is_said_before_anything_is_sent(reach: Reach) -> None:
    environment = {"AUTHRECORD_HOME": "/nowhere", "AUTHRECORD_STORE": NOBODY}
    with open_records(settings=Settings(environment=environment)) as records:
        error = caught_by(lambda: records["orders"], StoreFault)
    assert error.code == "api_token"
    assert "AUTHRECORD_API_TOKEN is not set" in error.message


@pytest.mark.parametrize("source", ["file:{path}", "command:cat {path}", "env:ELSEWHERE"])
def test_an_api_token_may_be_where_it_is_kept(reach: Reach, tmp_path: Path, source: str) -> None:
    reach.machine()
    settings = reach.settings()
    token = settings.environment["AUTHRECORD_API_TOKEN"]
    path = tmp_path / "token"
    path.write_text(f"{token}\n")
    reach.canary.allow(token, sink="file:token")
    environment = {
        **settings.environment,
        "AUTHRECORD_API_TOKEN": source.format(path=path),
        "ELSEWHERE": token,
        "PATH": "/bin:/usr/bin",
    }
    with open_records(settings=replace(settings, environment=environment)) as records:
        assert records.token("orders").life is not None


def test_an_api_token_that_was_replaced_in_its_file_is_read_again(reach: Reach, tmp_path: Path) -> None:
    reach.machine()
    path = tmp_path / "token"

    def put_new_token() -> Settings:
        settings = reach.settings()
        token = settings.environment["AUTHRECORD_API_TOKEN"]
        reach.canary.allow(token, sink="file:token")
        path.write_text(token)
        return replace(settings, environment={**settings.environment, "AUTHRECORD_API_TOKEN": f"file:{path}"})

    with open_records(settings=put_new_token()) as records:
        held = records.token("orders")
        reach.web.site.api_tokens.revoke_all("default")
        put_new_token()
        assert records.keeper.token(records["orders"], rejected=held).life == held.life


@pytest.mark.parametrize("before", ["", "file:here/", "nosuchkind:"])
def test_what_is_no_source_of_an_api_token_is_not_shown(canary: Canary, before: str) -> None:
    secret = canary("mistyped token")
    error = caught_by(ApiToken(f"{before}{secret}", {}), StoreFault)
    assert error.code == "api_token"
    assert secret not in str(error)


@pytest.mark.parametrize("before", ["", "ar_ "])
def test_what_is_no_api_token_is_not_shown(canary: Canary, before: str) -> None:
    secret = canary("mistyped token")
    error = caught_by(ApiToken("env:GIVEN", {"GIVEN": f"{before}{secret}"}), StoreFault)
    assert error.code == "api_token"
    assert secret not in str(error)


def test_K9_a_server_that_is_not_there_is_a_store_that_is_away(reach: Reach) -> None:
    settings = reach.settings()
    environment = {**settings.environment, "AUTHRECORD_STORE": NOBODY}
    with open_records(settings=replace(settings, environment=environment)) as records:
        error = caught_by(lambda: records["orders"], TryLater)
    assert error.code == "store_away"
    assert NOBODY in error.message


def test_another_server_at_the_url_is_found_out(reach: Reach) -> None:
    settings = reach.settings()
    environment = {**settings.environment, "AUTHRECORD_STORE": reach.provider.url}
    with open_records(settings=replace(settings, environment=environment)) as records:
        error = caught_by(lambda: records["orders"], StoreFault)
    assert error.code == "not_authrecord"


def test_a_login_that_is_wanted_leads_to_the_servers_page(reach: Reach) -> None:
    client = reach.provider.register_client("authorization_code")
    credentials = {"client_id": client.client_id, "client_secret": client.secret}
    reach.machine(
        grant="authorization_code",
        authorization={"url": reach.provider.authorization_url},
        credentials=credentials,
    )
    error = caught_by(lambda: reach.records().token("orders"), LoginRequired)
    assert error.hint == f"Log in at {reach.web.url}/records/orders."


def test_C24_a_client_that_the_provider_refuses_is_misconfigured_here_too(reach: Reach) -> None:
    reach.machine(credentials={"client_id": "nobody", "client_secret": reach.canary("wrong secret")})
    error = caught_by(lambda: reach.records().token("orders"), Misconfigured)
    assert error.code == "invalid_client"


def test_what_is_wrong_with_a_record_is_said_once_for_all_who_wait(reach: Reach) -> None:
    data = bearer(reach.canary)
    data["auth"] |= {"token": "${env:NOT_RESOLVED}"}
    reach.web.put(data)
    records, wire = reach.wired()
    authenticator = records.authenticator("orders")
    for _ in range(5):
        assert caught_by(authenticator.credential, RecordFault).code == "references_off"
    assert wire.tokens_asked() == 1, "it is asked again after a pause"


def answering(canary: Canary, status: int, body: object, **headers: str) -> RemoteStore:
    """A store whose server gives one answer to everything; its API token is echoed where the body says `{token}`."""
    token = "ar_" + canary("API token")
    text = body if isinstance(body, str) else json.dumps(body)
    given = {"content-type": "application/problem+json" if status >= 400 else "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }

    class Server:
        def __call__(self, request: Request) -> Response:
            return Response(status, tuple(given.items()), text.replace("{token}", token).encode())

        def close(self) -> None:
            """Nothing is open."""

    return RemoteStore(Calls("https://auth.example.com", Server(), ApiToken("env:T", {"T": token})))


def test_C28_C29_words_of_a_server_are_cut_cleaned_and_masked(canary: Canary) -> None:
    detail = "<script>\x1b[31m\u202e {token} " + "x" * 1000
    problem = {"status": 422, "code": "record", "detail": detail, "hint": "\x07{token}"}
    error = caught_by(lambda: answering(canary, 422, problem).read("orders"), RecordFault)
    assert "••••" in error.message
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)
    assert len(error.message) <= 300


@pytest.mark.parametrize(
    ("status", "problem", "kind"),
    [
        (424, {"provider_error": "invalid_scope", "detail": "no such scope"}, Refused),
        (424, {"code": "bad_answer", "detail": "not JSON"}, BadAnswer),
        (503, {"code": "store_away", "detail": "the database is away"}, TryLater),
        (503, {}, TryLater),
        (429, {"detail": "too many"}, StoreFault),
        (500, {"detail": "a fault"}, TryLater),
        (409, {"code": "exists", "detail": "taken"}, RecordFault),
        (404, {"code": "unknown_record"}, RecordFault),
        (418, {}, StoreFault),
        (422, {"errors": "no list", "code": ["no", "word"]}, RecordFault),
    ],
)
def test_every_answer_becomes_an_error_of_the_library(
    canary: Canary, status: int, problem: dict[str, Any], kind: type[AuthrecordError]
) -> None:
    with pytest.raises(kind) as caught:
        answering(canary, status, problem).read("orders")
    assert type(caught.value) is kind
    assert caught.value.message


def test_C25_the_server_says_when_to_come_again(canary: Canary) -> None:
    for text, seconds in (("7", 7.0), ("999999999", 6 * 3600.0), ("soon", 0.0), ("-1", 0.0)):
        store = answering(canary, 503, {"detail": "away"}, retry_after=text)
        with pytest.raises(TryLater) as caught:
            store.read("orders")
        assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_C10_a_redirect_is_not_followed(canary: Canary, status: int) -> None:
    store = answering(canary, status, "", content_type="text/html", location="https://evil.example/")
    error = caught_by(lambda: store.read("orders"), StoreFault)
    assert error.code == "not_authrecord"
    assert "evil" not in str(error)


@pytest.mark.parametrize("body", ["", "[]", "{", "null", '"x"', "[" * 100_000, "{}", '{"record": 1}'])
def test_C2_C5_what_is_no_record_is_no_answer(canary: Canary, body: str) -> None:
    assert caught_by(lambda: answering(canary, 200, body).read("orders"), StoreFault).code == "not_authrecord"


@pytest.mark.parametrize("kind", ["text/html", "application/jsonp", ""])
def test_C1_a_page_is_no_answer(canary: Canary, kind: str) -> None:
    store = answering(canary, 200, "<html>{token}</html>", content_type=kind)
    assert caught_by(lambda: store.read("orders"), StoreFault).code == "not_authrecord"


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": "a\r\nX: y"},
        {"access_token": "a b"},
        {"access_token": "ä"},
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 7},
        {"life": "soon"},
        {"life": True},
        {"life": 1e400},
        {"asked_at": None},
        {"expires_at": None},
        {"id_token": "a\0b"},
    ],
)
def test_C19_a_token_that_cannot_be_sent_is_no_token(
    reach: Reach, canary: Canary, changed: dict[str, Any]
) -> None:
    reach.machine()
    record = reach.records()["orders"]
    good = {"access_token": canary("token"), "life": 60.0, "expires_at": 60.0, "asked_at": 0.0}

    def token_of(data: dict[str, Any]) -> Token:
        called = Called(json.loads(json.dumps(data)), "", 0.0, 0.0)
        return token_from(called, record, "https://auth.example.com")

    assert token_of(good).life == 60.0
    caught_by(lambda: token_of(good | changed), BadAnswer)


def test_a_record_that_names_no_destination_is_refused(canary: Canary) -> None:
    """It would go wherever the program's own base URL leads."""
    told = {
        "identity": "a",
        "revision": 1,
        "created_at": 0,
        "created_by": "",
        "updated_at": 0,
        "updated_by": "",
    }
    record = {"name": "orders", "auth": {"type": "bearer"}}
    body = {**told, "secrets_set": ["auth.token"], "record": record}
    error = caught_by(lambda: answering(canary, 200, body).read("orders"), DocumentFault)
    assert "allowed_origins" in str(error)


def test_scopes_of_a_user_are_enough(reach: Reach) -> None:
    reach.machine()
    assert reach.records(*USER).token("orders").life is not None
