"""The honest server's authorization endpoint: whom it sends back, with what, and whom it does not."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from authrecord.testing import Client, HonestServer, TurnableClock
from tests.canary_watch import Canary
from tests.testing.raw import Answer, exchange, request

CALLBACK = "http://127.0.0.1:1/cb?kept=1"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def server(clock: TurnableClock, canary: Canary) -> Iterator[HonestServer]:
    with HonestServer(clock=clock.time, make_secret=canary.make, auto_login=True) as one:
        yield one


@pytest.fixture
def client(server: HonestServer) -> Client:
    return server.register_client(client_id="shop", authentication="body", redirect_uris=(CALLBACK,))


def authorize(server: HonestServer, **changed: str) -> Answer:
    """A good request with some parameters changed; an empty one is left out."""
    good = {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": CALLBACK,
        "state": "s 1",
        "scope": "orders.read",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    query = {name: value for name, value in {**good, **changed}.items() if value}
    url = f"{server.authorization_url}?{urlencode(query)}"
    return exchange(url, request(url))


def sent_back(answer: Answer) -> dict[str, str]:
    target = urlsplit(answer.header("location"))
    return dict(parse_qsl(target.fragment or target.query))


def token_request(server: HonestServer, client: Client, **form: str) -> Answer:
    form |= {"client_id": client.client_id, "client_secret": client.secret}
    headers = "content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n"
    sent = request(server.token_url, method="POST", headers=headers, body=urlencode(form).encode())
    return exchange(server.token_url, sent)


def exchanged(server: HonestServer, client: Client, code: str, **changed: str) -> Answer:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return token_request(server, client, **{**form, "code_verifier": VERIFIER, **changed})


def test_state_and_issuer_come_back_and_the_query_of_the_callback_is_kept(
    server: HonestServer, client: Client
) -> None:
    given = sent_back(authorize(server))
    assert (given["kept"], given["state"], given["iss"]) == ("1", "s 1", server.issuer)
    assert exchanged(server, client, given["code"]).status == 200
    server.names_itself = False
    assert "iss" not in sent_back(authorize(server))


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": "http://127.0.0.1:1/cb"},
        {"redirect_uri": CALLBACK + "&more=1"},
        {"redirect_uri": ""},
    ],
)
def test_an_unknown_client_or_callback_is_sent_nowhere(
    server: HonestServer, client: Client, changed: dict[str, str]
) -> None:
    answer = authorize(server, **changed)
    assert (answer.status, answer.header("location")) == (400, "")


def test_a_doubled_parameter_is_sent_nowhere(server: HonestServer, client: Client) -> None:
    url = f"{server.authorization_url}?client_id=shop&redirect_uri={CALLBACK}&state=a&state=b"
    assert exchange(url, request(url)).status == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
    ],
)
def test_a_bad_request_comes_back_as_an_error_with_its_state(
    server: HonestServer, client: Client, changed: dict[str, str], error: str
) -> None:
    given = sent_back(authorize(server, **changed))
    assert (given["error"], given["state"], given["iss"]) == (error, "s 1", server.issuer)
    assert "code" not in given


def test_a_client_gets_only_the_grants_that_it_is_registered_for(server: HonestServer) -> None:
    server.register_client("implicit", client_id="shop", redirect_uris=(CALLBACK,))
    assert sent_back(authorize(server))["error"] == "unauthorized_client"
    assert sent_back(authorize(server, response_type="token"))["access_token"]


def test_a_code_that_comes_twice_ends_what_it_began(server: HonestServer, client: Client) -> None:
    """RFC 6749 §4.1.2: the tokens issued for the code are revoked."""
    code = sent_back(authorize(server))["code"]
    access = exchanged(server, client, code).body.decode().split('"access_token": "')[1].split('"')[0]
    headers = f"authorization: Bearer {access}\r\nconnection: close\r\n"
    sent = request(server.api_url, headers=headers)
    assert exchange(server.api_url, sent).status == 200
    assert exchanged(server, client, code).status == 400
    assert exchange(server.api_url, sent).status == 401


def test_a_code_is_good_for_a_minute(server: HonestServer, client: Client, clock: TurnableClock) -> None:
    codes = [sent_back(authorize(server))["code"] for _ in range(2)]
    clock.advance(59)
    assert exchanged(server, client, codes[0]).status == 200
    clock.advance(2)
    assert exchanged(server, client, codes[1]).status == 400


def test_a_code_is_bound_to_client_callback_and_verifier(server: HonestServer, client: Client) -> None:
    other = server.register_client(authentication="body")
    for by, changed in (
        (other, {}),
        (client, {"redirect_uri": "http://127.0.0.1:1/cb"}),
        (client, {"code_verifier": "x" * 43}),
        (client, {"code_verifier": ""}),
        (client, {"code_verifier": VERIFIER[:-1]}),
    ):
        code = sent_back(authorize(server))["code"]
        assert exchanged(server, by, code, **changed).status == 400
    assert server.counters.invalid_grant == 5


def test_renewal_may_narrow_the_scope_and_not_widen_it(server: HonestServer, client: Client) -> None:
    _, refresh = server.issue_login(client, scope="a b")
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert b"invalid_scope" in token_request(server, client, **form, scope="a c").body
    assert token_request(server, client, **form, scope="a").status == 200


def test_a_user_who_says_no_is_sent_back_with_access_denied(server: HonestServer, client: Client) -> None:
    server.auto_login = False
    query = {"response_type": "token", "client_id": "shop", "redirect_uri": CALLBACK, "state": "s"}
    url = f"{server.authorization_url}?{urlencode(query)}"
    page = exchange(url, request(url))
    assert b'type="password"' in page.body
    given = sent_back(exchange(url, request(url, method="POST", body=b"consent=no")))
    assert (given["error"], given["state"]) == ("access_denied", "s")
