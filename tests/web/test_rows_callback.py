"""Rows A and B at the server's callback, where the provider, the browser or the moment is not what one hopes for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from authrecord.grants.pending import LIFE_SECONDS
from authrecord.testing import HostileServer
from authrecord.testing.clock import TurnableClock
from tests.canary_watch import Canary
from tests.web.stage import Stage, Visitor, stage, text_of
from tests.web.test_authorize import Provider, answered, begun, panel, state_of


@pytest.fixture
def provider(canary: Canary) -> Iterator[Provider]:
    made = Provider(canary)
    yield made
    made.server.stop()


@pytest.fixture
def hostile(canary: Canary) -> Iterator[HostileServer]:
    with HostileServer(token=canary("token of a hostile provider")) as server:
        yield server


@pytest.fixture(scope="module")
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture(scope="module")
def aging_server(session_canary: Canary, clock: TurnableClock) -> Iterator[Stage]:
    with stage(session_canary, clock=clock) as made:
        yield made


@pytest.fixture
def aging(aging_server: Stage, canary: Canary) -> Iterator[Stage]:
    """A server whose time is turned by hand."""
    aging_server.begin(canary)
    yield aging_server
    aging_server.end()


def hostile_record(
    server: HostileServer, canary: Canary, grant: str = "authorization_code"
) -> dict[str, Any]:
    """A record whose provider is `server`."""
    auth: dict[str, Any] = {
        "type": "oauth2",
        "grant": grant,
        "authorization": {"url": server.authorization_url},
        "credentials": {"client_id": "page"},
    }
    if grant == "authorization_code":
        auth["credentials"]["client_secret"] = canary("client secret")
        auth["token_exchange"] = {"url": server.token_url}
    return {"name": "orders", "allowed_origins": [server.url], "auth": auth}


def sent_back(address: str) -> str:
    """Where a provider that asks nobody sends the browser."""
    with httpx2.Client(trust_env=False, follow_redirects=False) as browser:
        return str(browser.get(address).headers["location"])


def redirect_path(address: str) -> str:
    """The path of our callback in an authorization URL."""
    return urlsplit(parse_qs(urlsplit(address).query)["redirect_uri"][0]).path


def handed_over(visitor: Visitor, location: str) -> httpx2.Response:
    """The callback page's script hands the fragment over."""
    parts = urlsplit(location)
    visitor.get(parts.path, sec_fetch_site="cross-site")
    return visitor.send("/callback-fragment", {"fragment": parts.fragment, "path": parts.path})


def has_token(web: Stage) -> bool:
    """Whether any token is stored."""
    with web.site.backend.reading() as transaction:
        return bool(transaction.rows("SELECT 1 FROM tokens"))


def test_A5_an_answer_after_ten_minutes_is_told_to_be_late(
    aging: Stage, provider: Provider, clock: TurnableClock
) -> None:
    visitor = aging.browser("ann")
    aging.put(provider.record())
    location = provider.log_in(begun(visitor))
    clock.advance(LIFE_SECONDS + 1)
    answered(visitor, location)
    said = panel(visitor)
    assert "No answer came in time." in said
    assert "Start the login again." in said
    assert provider.token_requests() == 0
    assert not has_token(aging)


def test_A19_a_login_that_nobody_finishes_ends_by_itself(
    aging: Stage, provider: Provider, clock: TurnableClock
) -> None:
    """The browser was closed, or the person went away: the record's page does not wait for ever."""
    visitor = aging.browser("ann")
    aging.put(provider.record())
    begun(visitor)
    assert "Waiting for the answer" in panel(visitor)
    clock.advance(LIFE_SECONDS + 1)
    for _ in range(2):
        said = panel(visitor)
        assert said.count("No answer came in time.") == 1
        assert "Waiting for the answer" not in said
    assert answered(visitor, provider.log_in(begun(visitor))).status_code == 303
    assert "Token received" in panel(visitor)


def test_A9_an_attackers_code_with_the_victims_state_fails_by_pkce(web: Stage, provider: Provider) -> None:
    visitor, attacker = web.browser("ann"), web.browser("eve")
    web.put(provider.record())
    mine = begun(visitor)
    stolen = parse_qs(urlsplit(provider.log_in(begun(attacker))).query)["code"][0]
    query = urlencode({"code": stolen, "state": state_of(mine)})
    assert (
        visitor.get(f"{redirect_path(mine)}?{query}", sec_fetch_site="cross-site").headers["location"]
        == "/records/orders#authorize"
    )
    assert "invalid_grant" in panel(visitor)
    assert not has_token(web)


def test_A11_an_answer_that_names_another_issuer_leaves_its_code_unused(
    web: Stage, canary: Canary, hostile: HostileServer
) -> None:
    """The record's provider is hostile: it would like to have the code of the honest one."""
    hostile.authorization_answer = "A11_another_issuer"
    visitor = web.browser("ann")
    web.put(hostile_record(hostile, canary))
    answered(visitor, sent_back(begun(visitor)))
    assert "its code was not used" in panel(visitor)
    assert not [one for one in hostile.requests if one.path == "/token"]
    assert not has_token(web)


def test_A20_two_logins_of_one_record_at_once_leave_no_mixed_pair(web: Stage, provider: Provider) -> None:
    visitor, other = web.browser("ann"), web.browser("bob")
    web.put(provider.record())
    first, second = begun(visitor), begun(other)
    assert answered(other, provider.log_in(second)).status_code == 303
    assert answered(visitor, provider.log_in(first)).status_code == 303
    assert "Token received" in panel(visitor)
    renewed = text_of(visitor.post("/records/orders/renew", hx_request="true").text)
    assert "Token received" in renewed + panel(visitor)
    assert provider.server.counters.reuse_detected == 0
    with web.site.backend.reading() as transaction:
        assert len(transaction.rows("SELECT 1 FROM tokens")) == 1


def test_A20_a_second_login_of_one_browser_leaves_the_first_its_answer(
    web: Stage, provider: Provider
) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    first, second = begun(visitor), begun(visitor)
    assert answered(visitor, provider.log_in(second)).status_code == 303
    assert answered(visitor, provider.log_in(first)).status_code == 303
    assert provider.server.counters.reuse_detected == 0


def test_A21_a_code_with_any_signs_is_sent_as_it_came(
    web: Stage, canary: Canary, hostile: HostileServer
) -> None:
    hostile.authorization_answer = "A21_code_with_signs"
    visitor = web.browser("ann")
    web.put(hostile_record(hostile, canary))
    answered(visitor, sent_back(begun(visitor)))
    (asked,) = [one for one in hostile.requests if one.path == "/token"]
    assert dict(asked.form)["code"] == hostile.token + "+/%&#= é"
    assert "Token received" in panel(visitor)


def test_B6_a_token_of_another_login_is_not_taken(web: Stage, provider: Provider) -> None:
    """Token injection: the attacker's own fragment in the victim's browser, and with the victim's state guessed."""
    visitor, attacker = web.browser("ann"), web.browser("eve")
    web.put(provider.record(grant="implicit"))
    mine = begun(visitor)
    stolen = provider.log_in(begun(attacker))
    assert handed_over(visitor, stolen).status_code == 400
    guessed = urlsplit(stolen)._replace(
        fragment=urlsplit(stolen).fragment.replace("state=", "state=" + state_of(mine)[:8])
    )
    assert handed_over(visitor, guessed.geturl()).status_code == 400
    assert not has_token(web)
    assert handed_over(visitor, provider.log_in(mine)).status_code == 200


@pytest.mark.parametrize(
    ("answer", "words", "is_taken"),
    [
        ("B7_refresh_token_in_fragment", "Token received", True),
        ("B7_doubled_token", "more than once", False),
        ("B7_huge_value", "Token received", True),
        ("B7_life_word", "life unknown", True),
    ],
)
def test_B7_odd_fragments_are_read_or_refused_in_words(
    web: Stage, canary: Canary, hostile: HostileServer, answer: str, words: str, *, is_taken: bool
) -> None:
    hostile.authorization_answer = answer
    visitor = web.browser("ann")
    web.put(hostile_record(hostile, canary, "implicit"))
    told = handed_over(visitor, sent_back(begun(visitor)))
    assert told.status_code == (200 if is_taken else 400), told.text
    assert words in (panel(visitor) if is_taken else told.text)
    assert has_token(web) == is_taken
    canary.scan(told.text + panel(visitor), "answers")


@pytest.mark.parametrize("body", [{}, [], "x", {"fragment": 7, "path": 7}, {"fragment": "x" * 200_000}])
def test_B7_odd_bodies_change_nothing(web: Stage, body: object) -> None:
    visitor = web.browser("ann")
    answer = visitor.send("/callback-fragment", body)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_B9_no_answer_of_the_callback_can_be_framed(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record(grant="implicit"))
    path = urlsplit(provider.log_in(begun(visitor))).path
    for answer in (visitor.get(path), visitor.get(f"{path}?state=x"), visitor.get("/callback")):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
