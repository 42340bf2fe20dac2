"""G rows: what the message pattern sees of an answer, and that the caller gets every byte of it."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator

import pytest

from authrecord.core.replay import Reason
from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import Face
from .records import authenticator
from .server import Answers, Arrived, Reply, Server

Open = Callable[[Authenticator], Face]
SAYS = b"your token has expired"


@pytest.fixture
def two(canary: Canary) -> list[str]:
    return [canary("old token"), canary("new token")]


def refuses_with(reply: Reply, new: str) -> Answers:
    def answer(arrived: Arrived) -> Reply:
        return Reply(200, b"welcome") if new in arrived.everything() else reply

    return answer


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_G14_an_answer_of_any_status_may_say_expired(
    two: list[str], own: Server, open_face: Open, status: int
) -> None:
    own.routes["/"] = refuses_with(Reply(status, b"<html>" + SAYS), two[1])
    got = open_face(authenticator(two, own.origin, pattern=SAYS)).call("GET", own.origin + "/")
    assert got.body == b"welcome"


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": lambda body: body,
}


@pytest.mark.parametrize("coding", list(CODINGS))
def test_G9_the_pattern_sees_decoded_bytes(two: list[str], own: Server, open_face: Open, coding: str) -> None:
    body = CODINGS[coding](b" " * 60_000 + SAYS)
    own.routes["/"] = refuses_with(Reply(200, body, {"Content-Encoding": coding}), two[1])
    got = open_face(authenticator(two, own.origin, pattern=SAYS)).call("GET", own.origin + "/")
    assert got.body == b"welcome"


def test_G9_an_unknown_coding_matches_nothing_and_is_handed_on(
    two: list[str], own: Server, open_face: Open
) -> None:
    own.routes["/"] = lambda _: Reply(200, SAYS, {"Content-Encoding": "rot13"})
    got = open_face(authenticator(two, own.origin, pattern=SAYS)).call("GET", own.origin + "/")
    assert (got.body, len(own.arrived)) == (SAYS, 1)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00\x01" * 50_000, "näh".encode("utf-16"), b"", bytes(range(256)) * 999]
)
def test_G6_any_bytes_are_matched_as_bytes_and_handed_on_unchanged(
    two: list[str], own: Server, open_face: Open, body: bytes
) -> None:
    own.routes["/"] = lambda _: Reply(200, body, {"Content-Type": "text/plain; charset=utf-16"})
    got = open_face(authenticator(two, own.origin, pattern=SAYS)).call("GET", own.origin + "/")
    assert got.body == body
    assert got.outcome is not None
    assert got.outcome.reason is Reason.AUTHENTICATED


def test_G6_a_compressed_body_is_handed_on_whole(two: list[str], own: Server, open_face: Open) -> None:
    body = bytes(range(256)) * 4000
    own.routes["/"] = lambda _: Reply(200, gzip.compress(body), {"Content-Encoding": "gzip"})
    got = open_face(authenticator(two, own.origin, pattern=SAYS)).call("GET", own.origin + "/")
    assert got.body == body


def test_G8_beyond_64_KiB_nothing_is_found(two: list[str], own: Server, open_face: Open) -> None:
    own.routes["/"] = lambda _: Reply(200, b" " * 65_536 + SAYS)
    got = open_face(authenticator(two, own.origin, pattern=SAYS)).call("GET", own.origin + "/")
    assert (len(got.body), len(own.arrived)) == (65_536 + len(SAYS), 1)


def test_G10_an_answer_that_the_caller_streams_is_not_read_ahead(
    two: list[str], own: Server, open_face: Open
) -> None:
    goes_on = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield SAYS
        assert goes_on.wait(30)
        yield b" and more"

    own.routes["/"] = lambda _: Reply(200, chunks=slowly)
    face = open_face(authenticator(two, own.origin, pattern=SAYS))
    release = threading.Timer(0.3, goes_on.set)
    release.start()
    got = face.call("GET", own.origin + "/", streams=True)
    release.join()
    assert got.body == SAYS + b" and more"
    assert len(own.arrived) == 1


def test_G10_status_and_headers_of_a_streamed_answer_are_judged(
    two: list[str], own: Server, open_face: Open
) -> None:
    own.routes["/"] = refuses_with(Reply(200, b"body", {"X-Reason": SAYS.decode()}), two[1])
    face = open_face(authenticator(two, own.origin, pattern=SAYS))
    assert face.call("GET", own.origin + "/", streams=True).body == b"welcome"


def test_G10_a_record_may_opt_in_and_the_caller_still_streams(
    two: list[str], own: Server, open_face: Open
) -> None:
    body = bytes(range(256)) * 4000
    own.routes["/"] = lambda _: Reply(200, chunks=lambda: iter([body[:100_000], body[100_000:]]))
    own.routes["/old"] = refuses_with(Reply(200, SAYS), two[1])
    own.routes["/zipped"] = lambda _: Reply(200, gzip.compress(body), {"Content-Encoding": "gzip"})
    face = open_face(authenticator(two, own.origin, pattern=SAYS, judges_streams=True))
    assert face.call("GET", own.origin + "/", streams=True).body == body
    assert face.call("GET", own.origin + "/zipped", streams=True).body == body
    assert face.call("GET", own.origin + "/old", streams=True).body == b"welcome"


@pytest.mark.parametrize("kind", ["text/event-stream", "Text/Event-Stream; charset=utf-8"])
def test_G7_server_sent_events_are_judged_by_their_head_alone(
    two: list[str], own: Server, open_face: Open, kind: str
) -> None:
    own.routes["/"] = lambda _: Reply(
        200, headers={"Content-Type": kind}, chunks=lambda: iter([b"data: " + SAYS + b"\n\n"])
    )
    got = open_face(authenticator(two, own.origin, pattern=SAYS)).call("GET", own.origin + "/")
    assert (got.body, len(own.arrived)) == (b"data: " + SAYS + b"\n\n", 1)


def test_G16_a_redirect_to_a_login_page_can_be_the_signal(
    two: list[str], own: Server, open_face: Open
) -> None:
    own.routes["/"] = refuses_with(Reply(302, b"", {"Location": "/login?expired=1"}), two[1])
    got = open_face(authenticator(two, own.origin, pattern=b"ocation: /login?expired")).call(
        "GET", own.origin + "/"
    )
    assert got.body == b"welcome"
    assert [each.path for each in own.arrived] == ["/", "/"]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 401)])
def test_G17_answers_without_a_body_do_no_harm(
    two: list[str], own: Server, open_face: Open, method: str, status: int
) -> None:
    own.routes["/"] = refuses_with(Reply(status, b"long ago"), two[1])
    face = open_face(authenticator(two, own.origin, pattern=SAYS))
    got = face.call(method, own.origin + "/", follow=False)
    assert got.status == (200 if status == 401 else status)
    assert face.call("GET", own.origin + "/other").body == b"ok"
