"""P5: a failed request whose traceback is printed with its local variables, as Sentry, rich and `pytest -l` do."""

from __future__ import annotations

import socket
import struct
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import Face
from .records import PLACEMENTS, authenticator
from .server import Server
from .sockets import listening, read_request

Open = Callable[[Authenticator], Face]
EVERY_PLACEMENT = pytest.mark.parametrize("placement", list(PLACEMENTS))


def reset(connection: socket.socket) -> None:
    """Read the request, and answer with a reset."""
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def locals_of(error: BaseException) -> Iterator[str]:
    """Every local variable of every frame, of the error and of all that led to it; this file's are left out."""
    waiting: list[traceback.TracebackException | None] = [
        traceback.TracebackException.from_exception(error, capture_locals=True)
    ]
    while waiting:
        link = waiting.pop()
        if link is None:
            continue
        waiting += [link.__cause__, link.__context__]
        for frame in link.stack:
            if frame.filename != __file__:
                yield from (
                    f"{frame.filename}:{frame.lineno} {value}" for value in (frame.locals or {}).values()
                )


def check_locals(error: BaseException, secret: str) -> None:
    """None of the locals shows the secret, and the traceback still tells its way."""
    for form in (secret, quote(secret, safe="")):
        assert not [text.partition(" ")[0] for text in locals_of(error) if form in text]
    assert "authrecord" in "".join(traceback.format_exception(error))


@EVERY_PLACEMENT
def test_P5_the_frames_of_a_reset_connection_hold_no_credential(
    canary: Canary, open_face: Open, placement: str
) -> None:
    secret = canary("token") + "+/="
    with listening(reset) as port:
        face = open_face(authenticator(secret, f"http://127.0.0.1:{port}", placement=placement))
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
            face.call("GET", f"http://127.0.0.1:{port}/x?limit=1")
    check_locals(caught.value, secret)


@EVERY_PLACEMENT
def test_P5_the_frames_of_a_refused_connection_hold_no_credential(
    canary: Canary, own: Server, open_face: Open, placement: str
) -> None:
    secret = canary("token") + "+/="
    own.close()
    face = open_face(authenticator(secret, own.origin, placement=placement))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
        face.call("GET", own.origin + "/x?limit=1")
    check_locals(caught.value, secret)


def test_P5_frames_of_the_users_own_code_keep_their_locals(
    canary: Canary, own: Server, open_face: Open
) -> None:
    """What the user debugs is left alone: only the frames of HTTP libraries are cleared."""
    own.close()
    face = open_face(authenticator(canary("token"), own.origin))

    def users_function(order: str) -> None:
        try:
            raise LookupError(order)
        except LookupError:
            face.call("GET", own.origin + "/x")

    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
        users_function("order 17")
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    assert "'order 17'" in [(frame.locals or {}).get("order") for frame in frames]
