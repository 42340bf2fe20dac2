"""A login belongs to the browser that began it: rows A6 and A10 over real sockets, and what the browser is told."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path

import httpx2
import pytest

from authrecord.signin import Step, login
from authrecord.signin.browser import open_browser
from authrecord.testing import HonestServer
from tests.signin.stage import Stage


def test_A6_a_valid_answer_from_another_browser_is_refused(stage: Stage, server: HonestServer) -> None:
    """Right state, right code, wrong browser: nothing is taken, and the right one still ends the login."""
    running = stage.begin()
    address = running.provider_answer()
    with httpx2.Client(trust_env=False) as other:
        page = other.get(address)
    assert page.status_code == 400
    assert "does not belong to the login" in page.text
    assert running.waits()
    assert server.counters.token_requests == 0
    assert stage.browser.get(address).status_code == 303
    running.future.result(20)
    assert server.counters.token_requests == 1


def test_A6_a_fragment_from_another_browser_is_refused(server: HonestServer, http: httpx2.Client) -> None:
    stage = Stage(server, http, grant="implicit")
    running = stage.begin()
    fragment = running.provider_answer().partition("#")[2]
    headers = {"Origin": f"http://127.0.0.1:{running.port}", "Sec-Fetch-Site": "same-origin"}

    def post(browser: httpx2.Client) -> int:
        return browser.post(running.redirect_uri, json={"fragment": fragment}, headers=headers).status_code

    with httpx2.Client(trust_env=False) as other:
        assert post(other) == 400
    assert running.waits()
    assert post(http) == 200
    running.future.result(20)
    stage.close()


def test_A10_a_second_browser_cannot_begin_the_login(stage: Stage) -> None:
    running = stage.begin()
    with httpx2.Client(trust_env=False) as other:
        page = other.get(running.start_url)
        assert page.status_code == 410
        assert "set-cookie" not in page.headers
        assert "begun in another browser" in page.text
    again = stage.browser.get(running.start_url)
    assert (again.status_code, again.headers["location"]) == (303, running.url)
    running.finish()


def test_the_cookie_is_for_this_listener_alone_and_goes_with_the_login(stage: Stage) -> None:
    running = stage.begin()
    given = stage.browser.get(running.start_url).headers["set-cookie"]
    assert given.startswith(f"authrecord_login_{running.port}=")
    assert "; HttpOnly" in given
    assert "; SameSite=Lax" in given
    assert running.state not in given
    running.finish()
    assert not [name for name in stage.browser.cookies if name.startswith("authrecord_login")]


def test_two_logins_of_one_browser_do_not_disturb_each_other(stage: Stage) -> None:
    """Browsers keep no cookies apart by port."""
    first = stage.begin()
    second = stage.begin(record=stage.renamed("invoices"))
    second.finish()
    first.finish()
    assert first.future.done()
    assert second.future.done()


def test_an_address_that_was_opened_by_hand_needs_no_cookie(stage: Stage) -> None:
    """Nobody came by the start page: the address was shown, and opened in whatever browser there is."""
    shown: list[str] = []

    def paste(url: str) -> str:
        shown.append(url)
        with httpx2.Client(trust_env=False, follow_redirects=True) as http:
            http.get(http.get(url, follow_redirects=False).headers["location"])
        time.sleep(0.2)
        return ""

    token = login(stage.keeper, stage.record, open_url=lambda _: False, paste=paste, timeout=20)
    assert shown
    assert stage.keeper.token(stage.record).is_same(token)


def test_P10_the_browsers_command_holds_neither_state_nor_challenge(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The arguments of a process can be read by other users of the machine."""
    told = tmp_path / "told"
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(told)!r}, 'a').write(' '.join(sys.argv[1:]))\n"
    )
    browser.chmod(stat.S_IRWXU)
    monkeypatch.setenv("BROWSER", str(browser))
    steps: list[Step] = []

    def paste_nothing(url: str) -> str:
        raise AssertionError("the browser was opened")

    future = stage.pool.submit(
        login,
        stage.keeper,
        stage.record,
        open_url=open_browser,
        paste=paste_nothing,
        report=lambda progress: steps.append(progress.step),
        timeout=20,
    )
    while not (told.exists() and told.read_text()):
        assert not future.done()
        time.sleep(0.02)
    url = told.read_text()
    assert url.startswith("http://127.0.0.1:")
    assert "?" not in url
    led = stage.browser.get(url).headers["location"]
    stage.browser.get(stage.browser.get(led).headers["location"], follow_redirects=True)
    future.result(20)
    assert Step.OPENED in steps
