"""Logins that begin and end at the page, against the built-in provider: rows A and B at the server's callback."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.web.stage import Stage, Visitor, text_of


class Provider:
    """The built-in provider with a client and a user."""

    def __init__(self, canary: Canary) -> None:
        self.server = HonestServer(make_secret=canary.make).start()
        self.client = self.server.register_client(client_id="page")
        self.user = self.server.register_user("ada")

    def record(
        self, name: str = "orders", grant: str = "authorization_code", **authorization: Any
    ) -> dict[str, Any]:
        """A record that works here."""
        credentials = {"client_id": self.client.client_id}
        auth: dict[str, Any] = {
            "type": "oauth2",
            "grant": grant,
            "authorization": {"url": self.server.authorization_url, "scope": "orders.read"} | authorization,
            "credentials": credentials,
        }
        if grant == "authorization_code":
            credentials["client_secret"] = self.client.secret
            auth["token_exchange"] = {"url": self.server.token_url}
        return {"name": name, "allowed_origins": [self.server.url], "auth": auth}

    def log_in(self, address: str) -> str:
        """What a person does there: the address that the provider sends the browser back to."""
        with httpx2.Client(trust_env=False, follow_redirects=False) as browser:
            page = browser.get(address)
            form = {"username": self.user.username, "password": self.user.password}
            answer = browser.post(page.url, data=form)
            assert answer.status_code in {302, 303}, answer.text
            return str(answer.headers["location"])

    def token_requests(self) -> int:
        """How many token requests it has seen."""
        return sum(1 for one in self.server.requests if one.path == "/token")


@pytest.fixture
def provider(canary: Canary) -> Iterator[Provider]:
    made = Provider(canary)
    yield made
    made.server.stop()


def begun(visitor: Visitor, name: str = "orders") -> str:
    """A login begun by a press of the button: the provider's address."""
    answer = visitor.post(f"/records/{name}/login", hx_request="true")
    assert answer.status_code == 204, answer.text
    return str(answer.headers["hx-redirect"])


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def answered(visitor: Visitor, location: str) -> httpx2.Response:
    """The browser follows the provider's redirect to our callback."""
    parts = urlsplit(location)
    return visitor.get(f"{parts.path}?{parts.query}", sec_fetch_site="cross-site")


def panel(visitor: Visitor, name: str = "orders") -> str:
    return text_of(visitor.part(f"/records/{name}/attempt").text)


def test_a_login_ends_at_the_record_with_its_token(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    answer = answered(visitor, provider.log_in(begun(visitor)))
    assert answer.headers["location"] == "/records/orders#authorize"
    said = panel(visitor)
    assert "Code received" in said
    assert "Token received · Bearer" in said
    assert "orders.read" in said
    assert ("login.finish", "ok") in web.told()


@pytest.mark.parametrize(
    "query",
    [
        "code=x",
        "code=x&state=",
        "code=x&state=wrong",
        "state=a&state=b&code=x",
        "code=x&state=" + "s" * 60_000,
    ],
)
def test_A1_A2_an_answer_without_the_right_state_changes_nothing(
    web: Stage, provider: Provider, query: str
) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    address = begun(visitor)
    assert visitor.get(f"/callback?{query}", sec_fetch_site="cross-site").status_code == 400
    assert provider.token_requests() == 0
    assert answered(visitor, provider.log_in(address)).status_code == 303, "the login goes on waiting"


def test_A3_A6_A10_a_valid_state_in_another_browser_is_refused(web: Stage, provider: Provider) -> None:
    visitor, other = web.browser("ann"), web.browser("bob")
    web.put(provider.record())
    location = provider.log_in(begun(visitor))
    assert answered(other, location).status_code == 400
    assert answered(web.visitor(), location).headers["location"] == "/sign-in"
    assert provider.token_requests() == 0
    assert ("callback.reject", "not_ours") in web.told()
    assert answered(visitor, location).status_code == 303


def test_A4_an_answer_that_came_before_is_refused(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    location = provider.log_in(begun(visitor))
    assert answered(visitor, location).status_code == 303
    assert answered(visitor, location).status_code == 400
    assert provider.token_requests() == 1


def test_A7_an_error_without_the_state_does_not_end_the_login(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    address = begun(visitor)
    assert visitor.get("/callback?error=access_denied", sec_fetch_site="cross-site").status_code == 400
    assert answered(visitor, provider.log_in(address)).status_code == 303


def test_A8_error_and_code_together_are_an_error(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    address = begun(visitor)
    path = urlsplit(parse_qs(urlsplit(address).query)["redirect_uri"][0]).path
    query = urlencode({"error": "access_denied", "code": "x", "state": state_of(address)})
    visitor.get(f"{path}?{query}", sec_fetch_site="cross-site")
    assert provider.token_requests() == 0
    assert "access_denied" in panel(visitor)


def test_A12_an_answer_at_another_records_callback_is_refused(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    other = web.put(provider.record("payments"))
    location = provider.log_in(begun(visitor))
    query = urlsplit(location).query
    answer = visitor.get(f"/callback/{other.identity}?{query}", sec_fetch_site="cross-site")
    assert answer.status_code == 400
    assert provider.token_requests() == 0


def test_A13_of_twenty_answers_at_once_one_is_taken(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    location = provider.log_in(begun(visitor))
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: answered(visitor, location).status_code, range(20)))
    assert statuses.count(303) == 1
    assert set(statuses) <= {303, 400, 409}
    assert provider.token_requests() == 1


def test_A14_an_answer_by_post_is_refused(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    state = state_of(begun(visitor))
    answer = visitor.post("/callback", {"code": "x", "state": state}, sec_fetch_site="cross-site")
    assert answer.status_code == 405


def test_A22_an_answer_is_brought_by_hand_where_the_callback_leads_elsewhere(
    web: Stage, provider: Provider
) -> None:
    visitor = web.browser("ann")
    web.put(provider.record(callback_url="http://127.0.0.1:1/callback"))
    page = visitor.post("/records/orders/login", hx_request="true").text
    address = page.partition('<a href="')[2].partition('"')[0].replace("&amp;", "&")
    location = provider.log_in(address)
    foreign = visitor.post("/records/orders/paste", {"address": "https://evil.example/?code=x&state=y"})
    assert "not this login" in text_of(foreign.text)
    assert "Token received" in text_of(visitor.post("/records/orders/paste", {"address": location}).text)


def test_A24_M6_a_providers_words_are_text(web: Stage, provider: Provider) -> None:
    """Markup in an error, and an `error_uri` that is a script, are shown as they stand, linked to nothing."""
    visitor = web.browser("ann")
    web.put(provider.record())
    address = begun(visitor)
    path = urlsplit(parse_qs(urlsplit(address).query)["redirect_uri"][0]).path
    query = urlencode(
        {
            "error": "<img src=x onerror=alert(1)>",
            "error_description": "<script>alert(1)</script>",
            "error_uri": "javascript:alert(1)",
            "state": state_of(address),
        }
    )
    visitor.get(f"{path}?{query}", sec_fetch_site="cross-site")
    shown = visitor.part("/records/orders/attempt").text
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert 'href="javascript' not in shown


def implicit(web: Stage, provider: Provider, visitor: Visitor) -> tuple[str, str]:
    """An implicit login that has come back: the callback's path and the fragment."""
    web.put(provider.record(grant="implicit"))
    location = provider.log_in(begun(visitor))
    parts = urlsplit(location)
    assert visitor.get(parts.path, sec_fetch_site="cross-site").status_code == 200
    return parts.path, parts.fragment


def test_B1_the_fragment_is_taken_once_from_our_own_page(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    path, fragment = implicit(web, provider, visitor)
    answer = visitor.send("/callback-fragment", {"fragment": fragment, "path": path})
    assert answer.json() == {"to": "/records/orders#authorize"}
    assert visitor.send("/callback-fragment", {"fragment": fragment, "path": path}).status_code == 400


def test_B2_a_token_in_the_query_is_not_taken(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    path, fragment = implicit(web, provider, visitor)
    assert visitor.get(f"{path}?{fragment}", sec_fetch_site="cross-site").status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "", "origin": "https://evil.example"},
        {"sec_fetch_site": ""},
    ],
)
def test_B3_a_fragment_from_another_site_is_refused(
    web: Stage, provider: Provider, headers: dict[str, str]
) -> None:
    visitor = web.browser("ann")
    path, fragment = implicit(web, provider, visitor)
    assert (
        visitor.send("/callback-fragment", {"fragment": fragment, "path": path}, **headers).status_code == 403
    )


def test_B4_a_fragment_with_another_state_leaves_the_login_waiting(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    path, fragment = implicit(web, provider, visitor)
    wrong = fragment.replace("state=", "state=x")
    assert visitor.send("/callback-fragment", {"fragment": wrong, "path": path}).status_code == 400
    assert visitor.send("/callback-fragment", {"fragment": fragment, "path": path}).status_code == 200


def test_B8_without_scripts_the_page_says_what_to_do(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    web.put(provider.record(grant="implicit"))
    path = urlsplit(provider.log_in(begun(visitor))).path
    assert "<noscript>" in visitor.get(path, sec_fetch_site="cross-site").text


def test_a_provider_that_is_away_is_told_at_the_button(web: Stage, provider: Provider) -> None:
    visitor = web.browser("ann")
    record = provider.record(grant="client_credentials")
    record["auth"].pop("authorization")
    record["auth"]["credentials"]["client_secret"] = provider.client.secret
    record["auth"]["token_exchange"] = {"url": "http://127.0.0.1:9/token"}
    web.put(record)
    said = text_of(visitor.post("/records/orders/obtain", hx_request="true").text)
    assert "127.0.0.1:9" in said
