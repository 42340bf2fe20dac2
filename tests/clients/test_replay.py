"""H rows: an expired token, its renewal, and sending the request again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authrecord.core.errors import LoginRequired, TryLater
from authrecord.core.expiry import Expired
from authrecord.core.replay import Reason, ReplayPolicy
from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import Face
from .records import PLACEMENTS, Tokens, authenticator
from .server import Answers, Arrived, Reply, Server

Open = Callable[[Authenticator], Face]


def accepts(secret: str, refusal: Reply | None = None) -> Answers:
    """Answers 200 to this bearer token and the refusal, by default a 401, to every other."""

    def answer(arrived: Arrived) -> Reply:
        if secret in arrived.everything():
            return Reply(200, b"welcome")
        return refusal or Reply(401, b'{"error": "expired"}', {"WWW-Authenticate": "Bearer"})

    return answer


@pytest.fixture
def two(canary: Canary) -> list[str]:
    return [canary("old token"), canary("new token")]


@pytest.mark.parametrize("placement", list(PLACEMENTS))
def test_H1_a_401_is_renewed_and_replayed_once(
    two: list[str], own: Server, open_face: Open, placement: str
) -> None:
    own.routes["/"] = accepts(two[1])
    got = open_face(authenticator(two, own.origin, placement=placement)).call("GET", own.origin + "/?limit=1")
    assert (got.status, got.body) == (200, b"welcome")
    assert got.outcome is not None
    assert (got.outcome.reason, got.outcome.replays) == (Reason.RENEWED_AND_REPLAYED, 1)
    assert len(own.arrived) == 2
    assert two[0] not in own.arrived[1].everything()
    assert two[1] not in got.printable


def test_H1_the_refused_answer_gives_its_connection_back(
    two: list[str], own: Server, open_face: Open
) -> None:
    own.routes["/"] = accepts(two[1])
    face = open_face(authenticator(two, own.origin))
    face.call("GET", own.origin + "/")
    face.call("GET", own.origin + "/")
    assert {each.connection for each in own.arrived} == {1}


def test_H1_a_long_refusal_is_not_read_to_its_end(two: list[str], own: Server, open_face: Open) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    own.routes["/"] = accepts(two[1], Reply(401, chunks=endless))
    got = open_face(authenticator(two, own.origin)).call("GET", own.origin + "/")
    assert got.body == b"welcome"


BODIES: dict[str, tuple[dict[str, Any], bytes]] = {
    "json": ({"json": {"a": 1}}, b'"a"'),
    "bytes": ({"content": b"some bytes"}, b"some bytes"),
    "form": ({"data": {"name": "Käse"}}, b"name=K%C3%A4se"),
    "empty": ({}, b""),
}


@pytest.mark.parametrize("kind", list(BODIES))
def test_H2_a_post_is_replayed_with_the_same_body(
    two: list[str], own: Server, open_face: Open, kind: str
) -> None:
    options, expected = BODIES[kind]
    own.routes["/"] = accepts(two[1])
    got = open_face(authenticator(two, own.origin)).call("POST", own.origin + "/", **options)
    assert got.status == 200
    first, second = own.arrived
    assert expected in first.body
    assert first.body == second.body
    assert first.values("content-length") == second.values("content-length")
    assert first.values("content-type") == second.values("content-type")


def test_H2_a_multipart_body_with_a_seekable_file_is_replayed(
    two: list[str], own: Server, open_face: Open
) -> None:
    own.routes["/"] = accepts(two[1])
    face = open_face(authenticator(two, own.origin))
    face.call("POST", own.origin + "/", files={"upload": ("a.bin", io.BytesIO(b"0123456789" * 100))})
    first, second = own.arrived
    assert b"0123456789" * 100 in first.body
    assert first.body == second.body


def test_H2_the_policy_never_leaves_a_post_alone(two: list[str], own: Server, open_face: Open) -> None:
    own.routes["/"] = accepts(two[1])
    face = open_face(authenticator(two, own.origin, policy=ReplayPolicy.NEVER))
    got = face.call("POST", own.origin + "/", json={})
    assert got.status == 401
    assert got.outcome is not None
    assert got.outcome.reason is Reason.METHOD_NOT_REPLAYED
    assert face.call("POST", own.origin + "/", json={}).status == 200  # the token was renewed nevertheless


def test_H3_a_post_whose_200_says_expired_is_renewed_and_not_replayed(
    two: list[str], own: Server, open_face: Open
) -> None:
    own.routes["/"] = accepts(two[1], Reply(200, b"token expired"))
    got = open_face(authenticator(two, own.origin, pattern=b"token expired")).call(
        "POST", own.origin + "/", json={}
    )
    assert (got.status, got.body) == (200, b"token expired")
    assert got.outcome is not None
    assert (got.outcome.reason, got.outcome.expired) == (Reason.METHOD_NOT_REPLAYED, Expired.PATTERN)
    assert len(own.arrived) == 1


def test_H4_a_generator_is_never_sent_a_second_time(two: list[str], own: Server, open_face: Open) -> None:
    own.routes["/"] = accepts(two[1])
    got = open_face(authenticator(two, own.origin)).call(
        "POST", own.origin + "/", content=(part for part in (b"one", b"two"))
    )
    assert got.status == 401
    assert b"expired" in got.body
    assert got.outcome is not None
    assert got.outcome.reason is Reason.BODY_NOT_REPLAYABLE
    assert [each.body for each in own.arrived] == [b"onetwo"]


def test_H4_a_file_is_rewound_to_where_it_stood(two: list[str], own: Server, open_face: Open) -> None:
    own.routes["/"] = accepts(two[1])
    face = open_face(authenticator(two, own.origin))
    file = io.BytesIO(b"skipped" + b"0123456789" * 2000)
    if face.name == "httpx":
        file = io.BytesIO(
            b"0123456789" * 2000
        )  # httpx 0.28 declares the whole file's length wherever it stands
    else:
        file.seek(7)
    got = face.call("POST", own.origin + "/", content=file)
    if face.name.endswith("async") and face.name.startswith("httpx"):
        assert (
            got.status == 401
        )  # httpx's asynchronous clients take no plain file: an async generator stands for it
        return
    assert got.status == 200
    assert [each.body for each in own.arrived] == [b"0123456789" * 2000] * 2


class Pipe(io.RawIOBase):
    """A file that cannot go back, and that has no length."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(buffer)


def test_H4_a_pipe_is_never_sent_a_second_time(two: list[str], own: Server, open_face: Open) -> None:
    own.routes["/"] = accepts(two[1])
    got = open_face(authenticator(two, own.origin)).call(
        "POST", own.origin + "/", content=Pipe(b"from a pipe")
    )
    assert got.status == 401
    assert [each.body for each in own.arrived] == [b"from a pipe"]


def test_H8_a_renewed_token_that_is_refused_as_well_ends_it(
    canary: Canary, own: Server, open_face: Open
) -> None:
    tokens = [canary(f"token {number}") for number in range(4)]
    own.routes["/"] = lambda _: Reply(401, b"no")
    source = Tokens(tokens, PLACEMENTS["Authorization"])
    face = open_face(authenticator(tokens, own.origin, source=source))
    got = face.call("GET", own.origin + "/")
    assert (got.status, got.body, len(own.arrived)) == (401, b"no", 2)
    assert got.outcome is not None
    assert got.outcome.reason is Reason.RENEWED_TOKEN_REFUSED
    assert face.call("GET", own.origin + "/").outcome.reason is Reason.COOLING_DOWN  # type: ignore[union-attr]  # just read
    assert (len(own.arrived), source.obtained) == (3, 2)


def test_H9_the_callers_headers_are_kept_across_the_replay(
    two: list[str], own: Server, open_face: Open
) -> None:
    own.routes["/"] = accepts(two[1])
    open_face(authenticator(two, own.origin)).call(
        "POST", own.origin + "/", json={}, headers={"Idempotency-Key": "7"}
    )
    assert [each.values("idempotency-key") for each in own.arrived] == [["7"], ["7"]]


def test_G15_insufficient_scope_is_not_expired(two: list[str], own: Server, open_face: Open) -> None:
    own.routes["/"] = lambda _: Reply(401, b"", {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
    got = open_face(authenticator(two, own.origin)).call("GET", own.origin + "/")
    assert (got.status, len(own.arrived)) == (401, 1)


def test_without_a_credential_nothing_is_sent(own: Server, open_face: Open) -> None:
    face = open_face(authenticator([], own.origin, error=LoginRequired("log in first")))
    with pytest.raises(LoginRequired):
        face.call("GET", own.origin + "/")
    assert own.arrived == []


def test_a_renewal_that_fails_gives_the_caller_the_answer_as_it_came(
    canary: Canary, own: Server, open_face: Open
) -> None:
    own.routes["/"] = lambda _: Reply(401, b"expired, sorry")
    got = open_face(authenticator([canary("token")], own.origin, error=TryLater("not now"))).call(
        "GET", own.origin + "/"
    )
    assert (got.status, got.body) == (401, b"expired, sorry")
    assert got.outcome is not None
    assert (got.outcome.reason, got.outcome.detail) == (Reason.RENEWAL_FAILED, "not now")
