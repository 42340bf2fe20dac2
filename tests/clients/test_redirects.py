"""E and F rows: where a credential goes, and where it can be read afterwards. Six faces, five placements."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from authrecord.core.errors import RecordFault
from authrecord.core.replay import Reason
from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import Face
from .records import PLACEMENTS, authenticator
from .server import Arrived, Reply, Server, redirect

Open = Callable[[Authenticator], Face]
EVERY_PLACEMENT = pytest.mark.parametrize("placement", list(PLACEMENTS))
EVERY_REDIRECT = pytest.mark.parametrize("status", [301, 302, 303, 307, 308])


def carries(arrived: Arrived, secret: str) -> bool:
    text = arrived.everything()
    return secret in text or quote(secret, safe="") in text


@EVERY_REDIRECT
@EVERY_PLACEMENT
def test_E1_a_redirect_to_another_origin_carries_no_credential(
    canary: Canary, own: Server, foreign: Server, open_face: Open, placement: str, status: int
) -> None:
    secret = canary("token")
    own.routes["/go"] = redirect(status, foreign.origin + "/landed?x=1")
    got = open_face(authenticator(secret, own.origin, placement=placement)).call(
        "GET", own.origin + "/go?limit=1"
    )
    assert got.status == 200
    assert carries(own.arrived[0], secret)
    assert [each.target for each in foreign.arrived] == ["/landed?x=1"]
    assert not carries(foreign.arrived[0], secret)
    assert secret not in got.printable
    assert got.outcome is not None
    assert got.outcome.reason is Reason.NOT_RELEASED


@EVERY_PLACEMENT
def test_E2_a_redirect_within_the_origin_keeps_the_credential(
    canary: Canary, own: Server, open_face: Open, placement: str
) -> None:
    secret = canary("token")
    own.routes["/go"] = redirect(302, "/there")
    got = open_face(authenticator(secret, own.origin, placement=placement)).call("GET", own.origin + "/go")
    assert [each.path for each in own.arrived] == ["/go", "/there"]
    assert all(carries(each, secret) for each in own.arrived)
    assert secret not in got.printable


@EVERY_PLACEMENT
def test_E3_after_a_foreign_hop_the_credential_is_decided_anew(
    canary: Canary, own: Server, foreign: Server, open_face: Open, placement: str
) -> None:
    secret = canary("token")
    own.routes["/go"] = redirect(302, foreign.origin + "/between")
    foreign.routes["/between"] = redirect(302, own.origin + "/back")
    got = open_face(authenticator(secret, own.origin, placement=placement)).call("GET", own.origin + "/go")
    assert [each.path for each in own.arrived] == ["/go", "/back"]
    assert all(carries(each, secret) for each in own.arrived)
    assert not carries(foreign.arrived[0], secret)
    assert secret not in got.printable


def test_E1_a_server_that_repeats_the_query_in_its_redirect_does_not_pass_the_key_on(
    canary: Canary, own: Server, foreign: Server, open_face: Open
) -> None:
    secret = canary("key")
    own.routes["/go"] = lambda arrived: Reply(
        302, b"", {"Location": f"{foreign.origin}/landed?{arrived.target.partition('?')[2]}"}
    )
    face = open_face(authenticator(secret, own.origin, placement="query"))
    got = face.call("GET", own.origin + "/go?limit=1")
    assert carries(own.arrived[0], secret)
    assert foreign.arrived[0].target == "/landed?limit=1"
    assert secret not in got.printable


@EVERY_PLACEMENT
@pytest.mark.parametrize("status", [307, 308])
def test_E5_a_body_goes_where_the_caller_let_it_go_and_the_credential_does_not(
    canary: Canary, own: Server, foreign: Server, open_face: Open, status: int, placement: str
) -> None:
    """No credential of ours is ever a part of a body (S29): what is sent on is the caller's own, and nothing else."""
    secret = canary("token")
    own.routes["/go"] = redirect(status, foreign.origin + "/landed")
    face = open_face(authenticator(secret, own.origin, placement=placement))
    got = face.call("POST", own.origin + "/go", json={"a": 1})
    assert got.status == 200
    assert carries(own.arrived[0], secret)
    assert secret.encode() not in own.arrived[0].body
    assert (foreign.arrived[0].method, foreign.arrived[0].body) == ("POST", own.arrived[0].body)
    assert not carries(foreign.arrived[0], secret)


def test_E8_another_scheme_or_port_is_another_origin(canary: Canary, own: Server, open_face: Open) -> None:
    secret = canary("token")
    allowed = [
        own.origin.replace("http://", "https://"),
        f"http://127.0.0.1:{own.port + 1}",
        "http://localhost",
    ]
    got = open_face(authenticator(secret, *allowed)).call("GET", own.origin + "/")
    assert not carries(own.arrived[0], secret)
    assert got.outcome is not None
    assert got.outcome.reason is Reason.NOT_RELEASED


@EVERY_PLACEMENT
def test_E12_nothing_that_the_caller_can_print_holds_the_credential(
    canary: Canary, own: Server, open_face: Open, placement: str
) -> None:
    secret = canary("token") + "/+= %"[:3]
    own.routes["/bad"] = lambda _: Reply(500, b"{}", {"Content-Type": "application/json"})
    face = open_face(authenticator(secret, own.origin, placement=placement))
    for path in ("/", "/bad?limit=2"):
        got = face.call("POST", own.origin + path, json={"a": 1})
        assert carries(own.arrived[-1], secret)
        for form in (secret, quote(secret, safe="")):
            assert form not in got.printable


def test_E14_every_header_of_the_same_name_is_replaced_on_own_origins_only(
    canary: Canary, own: Server, foreign: Server, open_face: Open
) -> None:
    secret = canary("token")
    face = open_face(authenticator(secret, own.origin, placement="X-API-Key"))
    face.call("GET", own.origin + "/", headers={"x-api-key": "the user's own"})
    face.call("GET", foreign.origin + "/", headers={"x-api-key": "the user's own"})
    assert own.arrived[0].values("x-api-key") == [secret]
    assert foreign.arrived[0].values("x-api-key") == ["the user's own"]


def test_the_query_stays_byte_for_byte_and_a_parameter_of_the_same_name_is_replaced(
    canary: Canary, own: Server, open_face: Open
) -> None:
    secret = canary("key")
    face = open_face(authenticator(secret, own.origin, placement="query"))
    face.call("GET", own.origin + "/a?b=%7E&c=d+e&f")
    face.call("GET", own.origin + "/a?api_key=mine&b=1&api%5Fkey=too#fragment")
    face.call("GET", own.origin + "/a")
    first, second, third = (each.target.replace(secret, "…") for each in own.arrived)
    # httpx and aiohttp normalise a URL when they parse it, before any adapter sees it.
    assert first in ("/a?b=%7E&c=d+e&f&api_key=…", "/a?b=~&c=d+e&f&api_key=…")
    assert second == "/a?b=1&api_key=…"
    assert third == "/a?api_key=…"


def test_a_cookie_stands_beside_the_users_own(canary: Canary, own: Server, open_face: Open) -> None:
    secret = canary("key")
    face = open_face(authenticator(secret, own.origin, placement="cookie"))
    face.call("GET", own.origin + "/", headers={"Cookie": "theme=dark; session_key=mine"})
    assert own.arrived[0].values("cookie") == [f"theme=dark; session_key={secret}"]


@EVERY_PLACEMENT
def test_F3_a_refused_connection_names_no_key(
    canary: Canary, open_face: Open, own: Server, placement: str
) -> None:
    secret = canary("key")
    own.close()
    face = open_face(authenticator(secret, own.origin, placement=placement))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
        face.call("GET", own.origin + "/?limit=1")
    chain: list[BaseException | None] = [caught.value]
    while (error := chain[-1]) is not None:
        assert secret not in f"{error!r} {error} {error.args!r} {vars(error)!r}"
        request = getattr(error, "request", None)
        assert secret not in f"{getattr(request, 'url', '')} {getattr(request, 'headers', '')!r}"
        chain.append(error.__cause__ or error.__context__)


def test_F2_log_lines_at_debug_hold_no_key(
    canary: Canary, own: Server, open_face: Open, caplog: pytest.LogCaptureFixture
) -> None:
    secret = canary("key")
    face = open_face(authenticator(secret, own.origin, placement="query"))
    with caplog.at_level("DEBUG"):
        face.call("GET", own.origin + "/items?limit=1")
    assert carries(own.arrived[0], secret)
    assert secret not in caplog.text
    if face.name in ("httpx", "httpx2", "requests"):
        assert "/items?limit=1" in caplog.text


@pytest.mark.parametrize("ending", ["\r\nX-Injected: 1", "\n", "\x00", " ", "\x7f", "é"])
@pytest.mark.parametrize("placement", ["Authorization", "X-API-Key", "cookie"])
def test_D2_a_value_that_http_cannot_carry_is_refused_and_not_printed(
    canary: Canary, own: Server, open_face: Open, placement: str, ending: str
) -> None:
    secret = canary("token")
    face = open_face(authenticator(secret + ending, own.origin, placement=placement))
    with pytest.raises(RecordFault) as caught:
        face.call("GET", own.origin + "/")
    assert own.arrived == []
    assert secret not in f"{caught.value!r}{caught.value.args!r}"
