"""The API behind the honest server finds a token where it is told, and says what happened as it is told."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from authrecord.testing import EXPIRED_ANSWERS, HonestServer, TurnableClock
from tests.canary_watch import Canary
from tests.testing.raw import Answer, exchange, request


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def server(clock: TurnableClock, canary: Canary) -> Iterator[HonestServer]:
    with HonestServer(clock=clock.time, make_secret=canary.make) as one:
        yield one


def get(url: str, *headers: str) -> Answer:
    """Get the URL; without an HTTP library, whose log would show a token in the query."""
    lines = "".join(f"{header}\r\n" for header in (*headers, "connection: close"))
    return exchange(url, request(url, headers=lines))


@pytest.mark.parametrize("prefix", ["Bearer", "token", "Token token:", "GenieKey", ""])
def test_a_token_is_taken_behind_the_prefix_that_was_set_and_behind_no_other(
    server: HonestServer, prefix: str
) -> None:
    server.api.prefix = prefix
    token = server.issue_token()
    assert get(server.api_url, f"authorization: {prefix} {token}".replace(":  ", ": ")).status == 200
    assert get(server.api_url, f"authorization: Other {token}").status == 401
    assert get(server.api_url, f"authorization: {prefix}{token}").status == (401 if prefix else 200)


def test_header_and_query_are_found_under_the_names_that_were_set(server: HonestServer) -> None:
    server.api.header_name, server.api.query_name = "X-Token", "auth[token]"
    token = server.issue_token()
    assert get(server.api_url, f"x-token: Bearer {token}").status == 200
    assert get(f"{server.api_url}?a=1&auth%5Btoken%5D={token}").status == 200
    assert get(server.api_url, f"authorization: Bearer {token}").status == 401
    assert get(f"{server.api_url}?access_token={token}").status == 401


def test_too_little_scope_is_not_expired(server: HonestServer) -> None:
    answer = get(server.url + "/api/forbidden", f"authorization: Bearer {server.issue_token()}")
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.header("www-authenticate")
    assert server.counters.expired_answers == 0


@pytest.mark.parametrize("how", EXPIRED_ANSWERS)
def test_each_way_to_say_expired_is_what_its_name_says(server: HonestServer, how: str) -> None:
    server.expired_answer = how
    answer = get(server.api_url, "authorization: Bearer unknown")
    assert answer.status == int(how[:3])
    assert ("invalid_token" in answer.header("www-authenticate")) == (how == "401")
    assert (b"expired" in answer.body) == (how in {"403_json", "200_body", "400"})
    assert ("login" in answer.header("location")) == (how == "302_login")


def test_an_unknown_way_to_say_expired_is_refused_when_it_is_set(server: HonestServer) -> None:
    with pytest.raises(ValueError, match="200_body"):
        server.expired_answer = "410"
    with pytest.raises(ValueError, match="200_body"):
        HonestServer(expired_answer="410")


def test_the_counters_are_a_picture_that_does_not_move(server: HonestServer) -> None:
    before = server.counters
    get(server.api_url, f"authorization: Bearer {server.issue_token()}")
    get(server.api_url)
    after = server.counters
    assert (before.api_requests, before.api_ok, before.tokens_issued) == (0, 0, 0)
    assert (after.api_requests, after.api_ok, after.expired_answers, after.tokens_issued) == (2, 1, 1, 1)


def test_requests_are_kept_for_the_test_to_look_at(server: HonestServer) -> None:
    url = server.api_url + "/7?a=1&a=2"
    exchange(url, request(url, method="PUT", headers="x-one: two\r\nconnection: close\r\n", body=b"{}"))
    seen = server.api_requests[-1]
    assert (seen.method, seen.path, seen.query) == ("PUT", "/api/orders/7", (("a", "1"), ("a", "2")))
    assert (seen.header("x-one"), seen.body) == ("two", b"{}")
    with pytest.raises(LookupError):
        _ = server.last_token_request


def test_a_token_lives_a_fraction_of_a_second_and_says_so(server: HonestServer, clock: TurnableClock) -> None:
    server.token_life = 0.5
    client = server.register_client("client_credentials", authentication="body")
    form = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.secret,
    }
    with httpx2.Client(trust_env=False) as http:
        given = http.post(server.token_url, data=form).json()
        assert given["expires_in"] == 0.5
        server.tokens.says_life = 3600
        assert http.post(server.token_url, data=form).json()["expires_in"] == 3600
        server.tokens.says_life = -1
        assert "expires_in" not in http.post(server.token_url, data=form).json()
    assert dict(server.last_token_request.form)["client_id"] == client.client_id
    clock.advance(0.49)
    assert get(server.api_url, f"authorization: Bearer {given['access_token']}").status == 200
    clock.advance(0.02)
    assert get(server.api_url, f"authorization: Bearer {given['access_token']}").status == 401


def test_everything_expires_when_the_test_says_so_but_can_be_renewed(server: HonestServer) -> None:
    client = server.register_client(authentication="body")
    access, refresh = server.issue_login(client)
    server.expire_all()
    assert get(server.api_url, f"authorization: Bearer {access}").status == 401
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": client.client_id}
    with httpx2.Client(trust_env=False) as http:
        renewed = http.post(server.token_url, data={**form, "client_secret": client.secret}).json()
    assert get(server.api_url, f"authorization: Bearer {renewed['access_token']}").status == 200


def test_a_caller_chooses_every_secret_and_learns_what_it_is_for(canary: Canary) -> None:
    asked: list[str] = []

    def make(label: str) -> str:
        asked.append(label)
        return canary(label)

    with HonestServer(make_secret=make) as server:
        server.register_client()
        server.register_user()
        server.register_api_key()
        server.issue_login(server.register_client(secret=""))
    assert asked == ["client_secret", "password", "api_key", "access_token", "refresh_token"]


def test_token_requests_under_way_together_are_counted(server: HonestServer) -> None:
    from concurrent.futures import ThreadPoolExecutor

    server.token_delay = 0.2
    client = server.register_client("client_credentials", authentication="body")
    form = f"grant_type=client_credentials&client_id={client.client_id}&client_secret={client.secret}"
    sent = request(
        server.token_url,
        method="POST",
        headers="content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n",
        body=form.encode(),
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: exchange(server.token_url, sent, patience=5), range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    counters = server.counters
    assert dict(counters.token_requests_by_grant) == {"client_credentials": 8}
    assert 1 < counters.most_token_requests_at_once <= 8
