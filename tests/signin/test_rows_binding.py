"""A6, A9, A10 and D12, S46, S61: what an answer is bound to, and where the callback never sends a browser."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx2
import pytest

from authrecord.clients.sender import TokenSender
from authrecord.core.errors import AuthrecordError, LoginFailed
from authrecord.core.secret import Secret
from authrecord.grants.pending import PendingLogin
from authrecord.keeper.keeper import Keeper
from authrecord.record import OAuth2
from authrecord.signing import sign
from authrecord.stores.memory import MemoryStore
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.signin.stage import Running, Stage


@pytest.fixture
def running(stage: Stage) -> Iterator[Running]:
    """A login that waits; it is brought to its end, so that every test also shows that it still could be."""
    one = stage.begin()
    yield one
    if one.waits():
        one.finish()


@pytest.fixture
def other_keeper() -> Iterator[Keeper]:
    """The keeper of another process."""

    def never(reference: object) -> Secret:
        raise AssertionError("there are no references here")

    one = Keeper(MemoryStore(time), send=TokenSender(clock=time), resolve=never, sign=sign)
    yield one
    one.close()


def at_provider(url: str, http: httpx2.Client) -> dict[str, str]:
    """What the provider answers to whoever opens `url`."""
    return dict(parse_qsl(urlsplit(http.get(url).headers["location"]).query))


def begun_elsewhere(stage: Stage, keeper: Keeper, redirect_uri: str) -> PendingLogin:
    """A login of the same record that another process began, with the same address to answer to."""
    return keeper.begin_login(stage.record, redirect_uri=redirect_uri)


def test_A6_a_right_answer_at_the_listener_of_another_process_is_refused(
    stage: Stage, running: Running, other_keeper: Keeper, http: httpx2.Client, server: HonestServer
) -> None:
    """`state` lives in the memory of the process that made it: the same browser elsewhere is of no use."""
    pending = begun_elsewhere(stage, other_keeper, running.redirect_uri)
    answer = at_provider(pending.authorization_url.reveal(), http)
    assert http.get(f"{running.redirect_uri}?{urlencode(answer)}").status_code == 400
    assert running.waits()
    assert server.counters.token_requests == 0


def test_A6_what_another_process_began_cannot_be_finished_here(
    stage: Stage, other_keeper: Keeper, http: httpx2.Client, server: HonestServer
) -> None:
    pending = begun_elsewhere(stage, other_keeper, "http://127.0.0.1:1/callback")
    answer = tuple(at_provider(pending.authorization_url.reveal(), http).items())
    with pytest.raises(LoginFailed) as refused:
        stage.keeper.finish_login(stage.record, pending, answer)
    assert refused.value.code == "already_used"
    assert server.counters.token_requests == 0
    other_keeper.finish_login(stage.record, pending, answer)
    assert server.counters.token_requests == 1


def test_A10_an_attackers_code_with_the_attackers_state_logs_nobody_in(
    stage: Stage, running: Running, other_keeper: Keeper, http: httpx2.Client, server: HonestServer
) -> None:
    """Login CSRF: the victim's browser is sent to the victim's listener with what the attacker has prepared."""
    prepared = begun_elsewhere(stage, other_keeper, running.redirect_uri)
    answer = at_provider(prepared.authorization_url.reveal(), http)
    page = http.get(
        f"{running.redirect_uri}?{urlencode(answer)}", headers={"Referer": "https://evil.example/start"}
    )
    assert page.status_code == 400
    assert running.waits()
    mine = running.finish()
    assert server.counters.token_requests == 1
    assert stage.keeper.token(stage.record).is_same(mine)


def test_A9_an_attackers_code_with_the_victims_state_fails_by_pkce(
    stage: Stage, running: Running, other_keeper: Keeper, http: httpx2.Client, server: HonestServer
) -> None:
    attackers = begun_elsewhere(stage, other_keeper, running.redirect_uri)
    code = at_provider(attackers.authorization_url.reveal(), http)["code"]
    answer = {"code": code, "state": running.state, "iss": server.issuer}
    page = http.get(f"{running.redirect_uri}?{urlencode(answer)}", follow_redirects=True)
    assert "The login did not work" in page.text
    with pytest.raises(AuthrecordError) as failed:
        running.future.result(20)
    assert "invalid_grant" in str(failed.value)
    sent = dict(server.last_token_request.form)
    assert sent["code"] == code
    assert sent["code_verifier"]
    with pytest.raises(AuthrecordError):
        stage.keeper.token(stage.record)


TARGETS = (
    "//evil.example",
    "/\\evil.example",
    "/%2F%2Fevil.example",
    "https:evil.example",
    "https://evil.example/x",
)
NAMES = ("next", "redirect", "redirect_uri", "return_to", "url", "continue", "target", "rd")


@pytest.mark.parametrize("target", TARGETS)
def test_D12_S46_S61_the_callback_sends_a_browser_nowhere_but_to_its_own_page(
    stage: Stage, http: httpx2.Client, target: str
) -> None:
    running = stage.begin()
    extra = "&".join(f"{name}={quote(target, safe='%')}" for name in NAMES)
    for address in (
        f"{running.redirect_uri}?{extra}",
        f"{running.redirect_uri}?code=x&state=wrong&{extra}",
        f"{running.redirect_uri}/done?{extra}",
        f"http://127.0.0.1:{running.port}/{extra}",
    ):
        answer = http.get(address)
        assert answer.status_code in (400, 404)
        assert "location" not in answer.headers
        assert "evil.example" not in answer.text
    good = http.get(f"{running.provider_answer()}&{extra}")
    assert (good.status_code, good.headers["location"]) == (303, running.path + "/done")
    page = http.get(f"http://127.0.0.1:{running.port}{running.path}/done?{extra}")
    assert "You are logged in" in page.text
    assert "evil.example" not in page.text
    running.future.result(20)


@pytest.mark.parametrize(
    "path", ["/debug", "/docs", "/openapi.json", "/metrics", "/health", "/.env", "/config"]
)
def test_P19_the_listener_has_no_page_that_tells_of_the_product_or_its_records(
    stage: Stage, running: Running, http: httpx2.Client, path: str
) -> None:
    answer = http.get(f"http://127.0.0.1:{running.port}{path}?debug=1")
    assert answer.status_code == 404
    auth = stage.record.auth
    assert isinstance(auth, OAuth2)
    known = ("orders", str(auth.credentials.client_id), stage.server.url, running.state, running.path)
    assert not [word for word in (*known, "Traceback") if word in answer.text]
    assert "server" not in answer.headers


def test_F6_the_referer_of_a_request_is_never_logged(
    canary: Canary, running: Running, http: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the request ends in an error. The canary plugin reads every record at DEBUG as well."""
    secret = canary("code in a Referer")
    caplog.set_level(logging.DEBUG)
    for path in (running.path, running.path + "/done", "/elsewhere"):
        referer = f"http://127.0.0.1:{running.port}{running.path}?code={secret}&state={running.state}"
        for method in ("GET", "POST"):
            answer = http.request(
                method, f"http://127.0.0.1:{running.port}{path}", headers={"Referer": referer}
            )
            assert answer.status_code >= 400
            assert secret not in answer.text
    assert secret not in caplog.text
    assert running.state not in caplog.text


def test_F4_every_page_of_the_listener_forbids_to_send_a_referer(
    running: Running, http: httpx2.Client
) -> None:
    base = f"http://127.0.0.1:{running.port}"
    for path in (running.path, running.path + "/done", "/elsewhere"):
        answer = http.get(base + path)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert '<meta name="referrer" content="no-referrer">' in answer.text
        assert "href=" not in answer.text
