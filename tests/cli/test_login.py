"""`authrecord login` and `logout`: by a browser, a pasted address, a password; and what later commands have of it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from typing import Any, Final
from urllib.error import HTTPError

import pytest

from tests.canary_watch import Canary
from tests.cli.desk import SECONDS, Shop
from tests.cli.terminal import Unseen, on_terminal, words

BROWSER: Final = """
import json, os, pathlib, sys
from http.cookiejar import CookieJar
from urllib.request import HTTPCookieProcessor, build_opener
pathlib.Path(__file__).with_name("browser.json").write_text(json.dumps({"env": dict(os.environ), "argv": sys.argv}))
build_opener(HTTPCookieProcessor(CookieJar())).open(sys.argv[-1], timeout=20).read()
"""
"""Plays the system's browser: it says what it was given, opens the address, follows redirects, keeps cookies."""


@pytest.fixture
def browser(shop: Shop) -> Callable[[], Any]:
    """Sets the machine's browser; gives what the browser was given once it was opened."""
    script = shop.desk.write(BROWSER, "browser.py")
    shop.desk.set("BROWSER", f"{sys.executable} {script}")
    shop.canary.allow(
        shop.client.secret, sink="file:browser.json"
    )  # the user's own variables are theirs to pass on
    return lambda: json.loads((shop.desk.folder / "browser.json").read_text(encoding="utf-8"))


def redirected(url: str) -> str:
    """Where the provider sends the browser: what a person would paste."""

    class Stays(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stays).open(url, timeout=20)
    except HTTPError as answer:
        answer.close()
        return str(answer.headers["location"])
    raise AssertionError("the provider did not redirect")


def pasted(
    shop: Shop, process: subprocess.Popen[bytes], change: Callable[[str], str] = lambda url: url
) -> None:
    """Read the address that the command shows, go there, and paste what comes back."""
    assert process.stderr is not None
    assert process.stdin is not None
    shown = b""
    while (found := re.search(rb"http\S+/authorize\S+\n", shown)) is None:
        line = process.stderr.readline()
        assert line, shown
        shown += line
    address = change(redirected(found.group().decode().strip()))
    process.stdin.write(address.encode() + b"\n")
    process.stdin.flush()


def test_a_login_by_the_browser_is_kept_for_later_commands(shop: Shop, browser: Callable[[], Any]) -> None:
    shop.document(shop.code_record())
    ended = shop.desk.spawn("login", "person")
    assert ended.code == 0, ended.err
    assert ended.out == ""
    assert "person is logged in" in ended.err
    assert shop.desk.spawn("request", "person", "GET", shop.server.api_url, "--fail").out == '{"ok": true}'
    assert shop.server.counters.token_requests == 1
    assert shop.server.counters.authorization_requests == 1
    assert browser()["argv"][-1].startswith("http")


def test_an_implicit_login_goes_through_the_loopback_page(shop: Shop, browser: Callable[[], Any]) -> None:
    """The browser of this test runs no script, so the login waits for it and ends with a clear message."""
    shop.document(
        f"  - name: page\n    allowed_origins: ['{shop.server.url}']\n    auth:\n      type: oauth2\n"
        f"      grant: implicit\n      authorization: {{url: '{shop.server.authorization_url}'}}\n"
        f"      credentials: {{client_id: {shop.client.client_id}}}\n"
    )
    ended = shop.desk.spawn("login", "page", "--timeout", "1")
    assert ended.code == 4
    assert "error: " in ended.err


@pytest.mark.parametrize("as_json", [True, False])
def test_a_login_by_a_pasted_address_works_without_a_terminal(shop: Shop, as_json: bool) -> None:
    shop.document(shop.code_record())
    process = shop.desk.start("login", "person", "--no-browser", *(["--json"] if as_json else []))
    pasted(shop, process)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert (out == b"") != as_json
    assert shop.desk.run("list", "--json").data["records"][0]["state"] == "live"


def test_a_pasted_address_with_another_state_is_refused(shop: Shop) -> None:
    shop.document(shop.code_record())
    process = shop.desk.start("login", "person", "--no-browser")
    pasted(shop, process, lambda url: re.sub(r"state=[^&]+", "state=forged", url))
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (4, b"")
    assert b"Traceback" not in err
    assert shop.server.counters.token_requests == 0


def test_no_address_at_all_ends_the_login(shop: Shop) -> None:
    shop.document(shop.code_record())
    ended = shop.desk.spawn("login", "person", "--no-browser")
    assert ended.code == 4
    assert "no address was pasted" in ended.err


def test_a_password_is_asked_for_unseen_and_not_kept(shop: Shop, canary: Canary) -> None:
    user = shop.server.register_user("ada")
    shop.document(
        f"  - name: ada\n    allowed_origins: ['{shop.server.url}']\n    auth:\n      type: oauth2\n"
        f"      grant: password\n      credentials: {{client_id: {shop.client.client_id},"
        " client_secret: '${env:ORDERS_SECRET}', username: ada, keep_password: false}\n"
        f"      token_exchange: {{url: '{shop.server.token_url}'}}\n"
    )
    ended = on_terminal(shop.desk, canary, "login", "ada", answers=[("Password", Unseen(user.password))])
    assert ended.code == 0, words(ended.out)
    assert shop.desk.run("request", "ada", "GET", shop.server.api_url, "--fail").code == 0
    assert shop.desk.run("logout", "ada").code == 0
    assert shop.desk.run("login", "ada", typed=user.password + "\n").code == 0


def test_logout_ends_what_later_commands_have(shop: Shop) -> None:
    shop.document(shop.code_record())
    process = shop.desk.start("login", "person", "--no-browser")
    pasted(shop, process)
    process.communicate(timeout=SECONDS)
    assert shop.desk.run("logout", "person").code == 0
    assert shop.desk.run("token", "person").code == 4
    assert shop.desk.run("request", "person", "GET", shop.server.api_url).code == 4
    assert shop.server.counters.api_requests == 0


def test_a_login_renews_itself_by_its_refresh_token(shop: Shop) -> None:
    shop.document(shop.code_record())
    process = shop.desk.start("login", "person", "--no-browser")
    pasted(shop, process)
    process.communicate(timeout=SECONDS)
    for _ in range(3):
        shop.server.expire_all()
        ended = shop.desk.run("request", "person", "GET", shop.server.api_url, "--fail")
        assert (ended.code, ended.out) == (0, '{"ok": true}')
    assert shop.server.counters.reuse_detected == 0
    assert dict(shop.server.counters.token_requests_by_grant)["refresh_token"] == 3


def test_a_static_record_has_nothing_to_log_in_with(shop: Shop) -> None:
    shop.document("  - {name: b, auth: {type: bearer, token: '${env:ORDERS_SECRET}'}}\n")
    ended = shop.desk.run("login", "b")
    assert ended.code in {2, 3}
    assert "b" in ended.err


def test_P11_the_browser_gets_no_key_and_no_setting_of_ours(
    shop: Shop, browser: Callable[[], Any], canary: Canary
) -> None:
    """The key that seals the tokens may stand in a variable; a browser lives long and is asked by many."""
    key = canary.watch(base64.b64encode(os.urandom(32)).decode("ascii"), "sealing key")
    shop.desk.set("SEALING", key)
    shop.desk.set("AUTHRECORD_KEY", "env:SEALING")
    shop.document(shop.code_record())
    assert shop.desk.spawn("login", "person").code == 0
    given = browser()["env"]
    assert key not in given.values()
    assert not [name for name in given if name.startswith("AUTHRECORD_")]
