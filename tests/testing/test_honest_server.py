"""The honest server keeps the rules that a real one keeps, so that a client that breaks them is found out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from authrecord.testing import Client, HonestServer, TurnableClock
from authrecord.testing.protected_api import EXPIRED_ANSWERS

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The S256 challenge of RFC 7636 appendix B."""

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def server(clock: TurnableClock) -> Iterator[HonestServer]:
    with HonestServer(clock=clock.time, auto_login=True) as one:
        yield one


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False) as one:
        yield one


def basic(client: Client) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{client.client_id}:{client.secret}".encode()).decode()}


def ask(http: httpx2.Client, server: HonestServer, client: Client, **form: str) -> httpx2.Response:
    return http.post(server.token_url, data=form, headers=basic(client))


def test_a_refresh_token_rotates_and_its_second_use_ends_the_login(
    http: httpx2.Client, server: HonestServer
) -> None:
    client, user = server.register_client("password"), server.register_user()
    first = ask(http, server, client, grant_type="password", username="ada", password=user.password).json()
    second = ask(http, server, client, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.json()["refresh_token"] != first["refresh_token"]
    again = ask(http, server, client, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    after = ask(
        http, server, client, grant_type="refresh_token", refresh_token=second.json()["refresh_token"]
    )
    assert after.json()["error"] == "invalid_grant"
    assert server.counters.reuse_detected == 1


def test_within_the_grace_a_second_use_is_forgiven(
    http: httpx2.Client, server: HonestServer, clock: TurnableClock
) -> None:
    server.tokens.grace = 5.0
    client, user = server.register_client("password"), server.register_user()
    first = ask(http, server, client, grant_type="password", username="ada", password=user.password).json()
    for _ in range(2):
        clock.advance(2)
        assert (
            ask(
                http, server, client, grant_type="refresh_token", refresh_token=first["refresh_token"]
            ).status_code
            == 200
        )
    clock.advance(6)
    assert (
        ask(
            http, server, client, grant_type="refresh_token", refresh_token=first["refresh_token"]
        ).status_code
        == 400
    )


def test_a_code_is_good_once_and_only_with_its_verifier(http: httpx2.Client, server: HonestServer) -> None:
    client = server.register_client("authorization_code", redirect_uris=("http://127.0.0.1:1/cb",))

    def code() -> str:
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": "http://127.0.0.1:1/cb",
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        location = http.get(server.authorization_url, params=query).headers["location"]
        answer = dict(parse_qsl(urlsplit(location).query))
        assert answer["state"] == "s"
        assert answer["iss"] == server.issuer
        return answer["code"]

    exchange = {
        "grant_type": "authorization_code",
        "redirect_uri": "http://127.0.0.1:1/cb",
        "code_verifier": VERIFIER,
    }
    good = code()
    assert ask(http, server, client, **exchange, code=good).status_code == 200
    assert ask(http, server, client, **exchange, code=good).json()["error"] == "invalid_grant"
    for change in (
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:1/other"},
    ):
        assert (
            ask(http, server, client, **{**exchange, **change}, code=code()).json()["error"]
            == "invalid_grant"
        )


def test_two_ways_of_client_authentication_are_refused(http: httpx2.Client, server: HonestServer) -> None:
    client = server.register_client("client_credentials")
    answer = ask(http, server, client, grant_type="client_credentials", client_secret=client.secret)
    assert answer.json()["error"] == "invalid_request"


def test_a_doubled_parameter_is_refused(http: httpx2.Client, server: HonestServer) -> None:
    client = server.register_client("client_credentials")
    body = "grant_type=client_credentials&grant_type=client_credentials"
    headers = {**basic(client), "content-type": "application/x-www-form-urlencoded"}
    assert http.post(server.token_url, content=body, headers=headers).json()["error"] == "invalid_request"


def test_a_secret_in_the_url_is_refused(http: httpx2.Client, server: HonestServer) -> None:
    client = server.register_client("client_credentials")
    answer = http.post(
        f"{server.token_url}?client_secret={client.secret}", data={"grant_type": "client_credentials"}
    )
    assert answer.json()["error"] == "invalid_request"


def test_a_wrong_secret_and_a_wrong_way_are_invalid_client(http: httpx2.Client, server: HonestServer) -> None:
    client = server.register_client("client_credentials", authentication="body")
    assert ask(http, server, client, grant_type="client_credentials").status_code == 401
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": "wrong"}
    assert http.post(server.token_url, data=form).json()["error"] == "invalid_client"
    form["client_secret"] = client.secret
    assert http.post(server.token_url, data=form).status_code == 200
    assert server.counters.invalid_client == 2


@pytest.mark.parametrize("how", EXPIRED_ANSWERS)
def test_a_token_that_ran_out_is_answered_as_told(
    http: httpx2.Client, server: HonestServer, clock: TurnableClock, how: str
) -> None:
    server.api.expired_answer = how
    headers = {"Authorization": f"Bearer {server.issue_token(life=1.0)}"}
    assert http.get(server.api_url, headers=headers).json() == {"ok": True}
    clock.advance(1.01)
    answer = http.get(server.api_url, headers=headers)
    assert answer.json() != {"ok": True} if how == "200_body" else answer.status_code == int(how[:3])
    assert server.counters.expired_answers == 1


def test_a_key_is_found_in_header_query_and_cookie(http: httpx2.Client, server: HonestServer) -> None:
    key = server.register_api_key()
    for headers in ({"X-API-Key": key}, {"Cookie": f"x-api-key={key}"}):
        assert http.get(server.api_url, headers=headers).status_code == 200
    assert http.get(server.api_url, params={"x-api-key": key}).status_code == 200
    assert http.get(server.api_url).status_code == 401


def test_everything_revoked_is_dead_at_once(
    http: httpx2.Client, server: HonestServer, clock: TurnableClock
) -> None:
    client, user = server.register_client("password"), server.register_user()
    first = ask(http, server, client, grant_type="password", username="ada", password=user.password).json()
    server.revoke_all()
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    assert http.get(server.api_url, headers=headers).status_code == 401
    answer = ask(http, server, client, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert answer.json()["error"] == "invalid_grant"


def test_a_person_logs_in_at_the_page(http: httpx2.Client, server: HonestServer) -> None:
    server.auto_login = False
    client, user = server.register_client("implicit"), server.register_user()
    query = {
        "response_type": "token",
        "client_id": client.client_id,
        "redirect_uri": "http://127.0.0.1:1/cb",
        "state": "s",
    }
    page = http.get(server.authorization_url, params=query)
    assert "Log in" in page.text
    form = {"username": "ada", "password": "wrong", "consent": "yes"}
    assert "not a user name" in http.post(server.authorization_url, params=query, data=form).text
    form["password"] = user.password
    location = http.post(server.authorization_url, params=query, data=form).headers["location"]
    answer = dict(parse_qsl(urlsplit(location).fragment))
    assert answer["state"] == "s"
    assert (
        http.get(server.api_url, headers={"Authorization": f"Bearer {answer['access_token']}"}).status_code
        == 200
    )


def test_the_metadata_stands_where_both_standards_look(http: httpx2.Client) -> None:
    with HonestServer(issuer_path="/t1") as server:
        for path in ("/.well-known/oauth-authorization-server/t1", "/t1/.well-known/openid-configuration"):
            metadata = http.get(server.url + path).json()
            assert metadata["issuer"] == server.issuer == server.url + "/t1"
            assert metadata["token_endpoint"] == server.token_url


def test_streams_events_and_bytes_arrive_whole(http: httpx2.Client, server: HonestServer) -> None:
    assert http.get(server.url + "/stream?chunks=3").text == "line 0\nline 1\nline 2\n"
    assert http.get(server.url + "/events?events=2").text.count("data: event") == 2
    assert len(http.get(server.url + "/bytes/100000").content) == 100_000
    assert http.post(server.url + "/echo?a=1&a=2", content=b"body").json()["query"] == [
        ["a", "1"],
        ["a", "2"],
    ]


def test_the_clock_turns_as_it_is_told(clock: TurnableClock) -> None:
    wall, monotonic = clock.time(), clock.monotonic()
    clock.advance(5)
    clock.jump(-100)
    clock.suspend(50)
    assert clock.time() == wall + 5 - 100 + 50
    assert clock.monotonic() == monotonic + 5
