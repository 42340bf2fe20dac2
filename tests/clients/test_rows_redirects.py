"""E6, E7, E13 and F1: odd addresses to go on to, pages that ask to go on, challenges of strangers, status errors."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import Face, Got
from .records import PLACEMENTS, Tokens, authenticator
from .server import Answers, Arrived, Reply, Server, redirect

Open = Callable[[Authenticator], Face]
HEADER_AND_QUERY = pytest.mark.parametrize("placement", ["Authorization", "query"])


def carries(arrived: Arrived, secret: str) -> bool:
    text = arrived.everything()
    return secret in text or quote(secret, safe="") in text


def called(face: Face, url: str) -> Got | None:
    """The answer, or nothing when the library refuses to go on; the canary plugin reads its error."""
    try:
        return face.call("GET", url)
    except Exception as error:
        assert type(error).__module__.partition(".")[0] in {"httpx", "httpx2", "requests", "aiohttp"}
        return None


ELSEWHERE = {
    "network path": "//127.0.0.1:{foreign}/landed",
    "backslash": "/\\127.0.0.1:{foreign}/landed",
    "two backslashes": "\\\\127.0.0.1:{foreign}/landed",
    "own host as user": "http://127.0.0.1:{own}@127.0.0.1:{foreign}/landed",
    "own host as user before a backslash": "http://127.0.0.1:{foreign}\\@127.0.0.1:{own}/landed",
    "own host behind a number sign": "http://127.0.0.1:{foreign}#@127.0.0.1:{own}/landed",
    "own host behind a question mark": "http://127.0.0.1:{foreign}?@127.0.0.1:{own}/landed",
    "no slashes": "http:127.0.0.1:{foreign}/landed",
    "three slashes": "http:///127.0.0.1:{foreign}/landed",
    "tab in the scheme": "ht\ttp://127.0.0.1:{foreign}/landed",
    "host in another form": "http://2130706433:{foreign}/landed",
}


@HEADER_AND_QUERY
def test_E6_an_odd_address_to_go_on_to_brings_no_credential_elsewhere(
    canary: Canary, own: Server, foreign: Server, open_face: Open, placement: str
) -> None:
    secret = canary("token")
    face = open_face(authenticator(secret, own.origin, placement=placement))
    for form, template in ELSEWHERE.items():
        own.arrived.clear()
        own.routes["/go"] = redirect(302, template.format(own=own.port, foreign=foreign.port))
        got = called(face, own.origin + "/go")
        assert carries(own.arrived[0], secret), form
        assert not any(carries(each, secret) for each in foreign.arrived), form
        assert got is None or secret not in got.printable, form
    assert foreign.arrived, "no library went on to any of them: the test would show nothing"


def test_E6_the_user_of_an_address_to_go_on_to_does_not_speak_for_the_record(
    canary: Canary, own: Server, open_face: Open
) -> None:
    secret = canary("token")
    own.routes["/go"] = redirect(302, f"http://someone:else@127.0.0.1:{own.port}/landed")
    called(open_face(authenticator(secret, own.origin)), own.origin + "/go")
    assert all(each.values("authorization") == [f"Bearer {secret}"] for each in own.arrived)


def test_E6_a_line_break_in_an_address_to_go_on_to_adds_no_header(
    canary: Canary, own: Server, open_face: Open
) -> None:
    secret = canary("token")
    face = open_face(authenticator(secret, own.origin))
    for broken in ("\r", "\n", "\r\n", "%0d%0a", "\0"):
        own.routes["/go"] = redirect(302, f"/landed{broken}X-Injected: 1")
        called(face, own.origin + "/go")
    assert len(own.arrived) >= 5
    assert not any(each.values("x-injected") for each in own.arrived)
    assert all(each.values("authorization") == [f"Bearer {secret}"] for each in own.arrived)


def test_E7_a_page_that_asks_to_go_on_is_handed_over_and_not_followed(
    canary: Canary, own: Server, foreign: Server, open_face: Open
) -> None:
    secret = canary("token")
    target = foreign.origin + "/landed"
    page = f'<html><head><meta http-equiv="refresh" content="0; url={target}"></head></html>'.encode()
    headers = {"Refresh": f"0; url={target}", "Content-Type": "text/html", "Content-Location": target}
    own.routes["/page"] = lambda _: Reply(200, page, headers)
    got = open_face(authenticator(secret, own.origin)).call("GET", own.origin + "/page")
    assert (got.status, got.body) == (200, page)
    assert len(own.arrived) == 1
    assert foreign.arrived == []


CHALLENGES = (
    'Digest realm="api", nonce="once", qop="auth", algorithm=MD5',
    'Basic realm="api"',
    'Bearer realm="api", error="invalid_token"',
    "Negotiate",
)


def challenging(status: int, headers: dict[str, str]) -> Answers:
    return lambda _: Reply(status, b"who are you?", headers)


@pytest.mark.parametrize(("status", "header"), [(401, "WWW-Authenticate"), (407, "Proxy-Authenticate")])
def test_E13_the_challenge_of_another_origin_is_not_answered(
    canary: Canary, own: Server, foreign: Server, open_face: Open, status: int, header: str
) -> None:
    tokens = [canary("first token"), canary("second token")]
    own.routes["/go"] = redirect(302, foreign.origin + "/landed")
    source = Tokens(tokens, PLACEMENTS["Authorization"])
    face = open_face(authenticator(tokens, own.origin, source=source))
    for challenge in CHALLENGES:
        foreign.arrived.clear()
        foreign.routes["/landed"] = challenging(status, {header: challenge})
        got = face.call("GET", own.origin + "/go")
        assert (got.status, got.body) == (status, b"who are you?")
        assert len(foreign.arrived) == 1
        assert not foreign.arrived[0].values("authorization")
        assert not foreign.arrived[0].values("proxy-authorization")
    assert source.obtained == 1


@pytest.mark.parametrize("status", [401, 404, 500])
def test_F1_the_exception_of_a_bad_status_names_the_address_without_the_key(
    canary: Canary, own: Server, open_face: Open, status: int
) -> None:
    secret = canary("key") + "+/="
    own.routes["/bad"] = lambda _: Reply(status, b"no")
    face = open_face(authenticator(secret, own.origin, placement="query"))
    got = face.call("GET", own.origin + "/bad?limit=2")
    assert own.arrived[0].query == {"limit": "2", "api_key": secret}
    raised = [line for line in got.printable.splitlines() if "Error" in line and str(status) in line]
    assert any("/bad?limit=2" in line for line in raised)
    for form in (secret, quote(secret, safe="")):
        assert form not in got.printable


def test_E1_S32_two_strangers_and_a_clear_cookie_learn_nothing(
    canary: Canary, own: Server, foreign: Server, open_face: Open
) -> None:
    """RFC 6750 §5.3: no unintended party, no page address; the cookie of a stranger's name is not ours either."""
    secret = canary("token")
    face = open_face(authenticator(secret, own.origin, placement="cookie"))
    face.call("GET", own.origin + "/a")
    face.call("GET", foreign.origin + "/b", headers={"Referer": own.origin + "/a"})
    assert own.arrived[0].values("cookie") == [f"session_key={secret}"]
    assert "token" not in own.arrived[0].target
    assert not carries(foreign.arrived[0], secret)
    assert foreign.arrived[0].values("cookie") == []
