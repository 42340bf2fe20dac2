"""The implicit grant on a loopback listener: the B rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2
import pytest

from authrecord.signin import pages
from authrecord.testing import HonestServer
from tests.signin.stage import Running, Stage


@pytest.fixture
def implicit(server: HonestServer, http: httpx2.Client) -> Iterator[Stage]:
    one = Stage(server, http, grant="implicit")
    yield one
    one.close()


def post(http: httpx2.Client, running: Running, fragment: str, **headers: str) -> httpx2.Response:
    origin = f"http://127.0.0.1:{running.port}"
    sent = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return http.post(running.redirect_uri, json={"fragment": fragment}, headers=sent)


def end(http: httpx2.Client, running: Running) -> None:
    """Bring the login to its end."""
    if running.waits():
        assert post(http, running, running.provider_answer().partition("#")[2]).status_code == 200
        http.get(f"http://127.0.0.1:{running.port}{running.path}/done")
    running.future.result(20)


def test_B1_a_normal_fragment_brings_the_token(implicit: Stage, http: httpx2.Client) -> None:
    running = implicit.begin()
    page = http.get(running.redirect_uri)
    assert page.status_code == 200
    end(http, running)
    authenticator = implicit.keeper.authenticator(implicit.record)
    assert authenticator.credential().token is not None
    assert implicit.server.counters.token_requests == 0


def test_B1_the_page_clears_the_address_bar_before_it_does_anything_else() -> None:
    script = re.search(r"<script nonce=\"n\">(.*?)</script>", pages.read_fragment("n"), re.DOTALL)
    assert script is not None
    statements = [line.strip() for line in script.group(1).strip().split(";")]
    assert statements[0] == "const answer=location.hash.slice(1)"
    assert statements[1].startswith("history.replaceState(")


def test_B2_a_token_in_the_query_is_refused_and_the_page_never_makes_one(
    implicit: Stage, http: httpx2.Client
) -> None:
    running = implicit.begin()
    query = urlencode({"access_token": "x", "state": running.state, "token_type": "bearer"})
    assert http.get(f"{running.redirect_uri}?{query}").status_code == 404
    assert "access_token" not in pages.read_fragment("n")
    assert running.waits()
    end(http, running)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_B3_a_post_from_another_origin_is_forbidden(
    implicit: Stage, http: httpx2.Client, headers: dict[str, str]
) -> None:
    running = implicit.begin()
    fragment = running.provider_answer().partition("#")[2]
    assert post(http, running, fragment, **headers).status_code == 403
    assert running.waits()
    end(http, running)


def test_B4_a_fragment_with_another_state_changes_nothing(implicit: Stage, http: httpx2.Client) -> None:
    running = implicit.begin()
    for fragment in ("access_token=x&token_type=bearer", "access_token=x&token_type=bearer&state=wrong", ""):
        assert post(http, running, fragment).status_code == 400
    assert running.waits()
    end(http, running)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_B5_a_post_that_is_not_json_is_refused(implicit: Stage, http: httpx2.Client, kind: str) -> None:
    running = implicit.begin()
    assert post(http, running, "x=1", Content_Type=kind).status_code == 415
    end(http, running)


def test_B6_another_logins_token_is_not_taken(implicit: Stage, http: httpx2.Client) -> None:
    first, second = implicit.begin(), implicit.begin()
    stolen = second.provider_answer().partition("#")[2]
    assert post(http, first, stolen).status_code == 400
    assert first.waits()
    end(http, first)
    end(http, second)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"fragment": 7}', b"[" * 50_000, b'{"fragment": "' + b"x" * 50_000 + b'"}']
)
def test_B7_odd_bodies_change_nothing(implicit: Stage, http: httpx2.Client, body: bytes) -> None:
    running = implicit.begin()
    headers = {"Origin": f"http://127.0.0.1:{running.port}", "Content-Type": "application/json"}
    assert http.post(running.redirect_uri, content=body, headers=headers).status_code == 400
    assert running.waits()
    end(http, running)


def test_B8_without_scripts_the_page_says_what_to_do() -> None:
    page = pages.read_fragment("n")
    assert re.search(r"<noscript>.*Copy the address.*</noscript>", page, re.DOTALL)


def test_B9_the_page_cannot_be_framed(implicit: Stage, http: httpx2.Client) -> None:
    running = implicit.begin()
    page = http.get(running.redirect_uri)
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", page.headers["content-security-policy"])
    assert nonce is not None
    assert f'nonce="{nonce.group(1)}"' in page.text
    end(http, running)


def test_an_error_in_the_query_ends_the_login(implicit: Stage, http: httpx2.Client) -> None:
    from authrecord.core.errors import LoginFailed

    running = implicit.begin()
    query = urlencode({"error": "access_denied", "state": running.state})
    http.get(f"{running.redirect_uri}?{query}", follow_redirects=False)
    http.get(f"http://127.0.0.1:{running.port}{running.path}/done")
    with pytest.raises(LoginFailed):
        running.future.result(20)
