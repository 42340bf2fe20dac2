"""Fixtures of the adapters' contract suite: two servers, and each face in turn."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import pytest

from authrecord.clients.sender import TokenSender
from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import FACES, Face
from .queue_bench import KITS, Bench, Kit
from .records import PLACEMENTS, Tokens
from .server import Server, running


@pytest.fixture
def own() -> Iterator[Server]:
    """A server whose origin the records of a test allow."""
    with running() as server:
        yield server


@pytest.fixture
def foreign() -> Iterator[Server]:
    """A server at another port: another origin."""
    with running() as server:
        yield server


@pytest.fixture(params=list(FACES))
def open_face(request: pytest.FixtureRequest) -> Iterator[Callable[[Authenticator], Face]]:
    """Opens a client of one of the six faces; closes it after the test. Everything is logged at DEBUG."""
    logging.getLogger().setLevel(logging.DEBUG)
    opened: list[Face] = []

    def open_one(authenticator: Authenticator) -> Face:
        face = FACES[request.param](authenticator)
        face.name = request.param
        opened.append(face)
        return face

    yield open_one
    for face in opened:
        face.close()
    logging.getLogger().setLevel(logging.WARNING)


@pytest.fixture
def send() -> Iterator[TokenSender]:
    """A sender of token requests that is closed at the end."""
    sender = TokenSender(clock=time, deadline=5.0)
    yield sender
    sender.close()


@pytest.fixture
def tokens(canary: Canary) -> Tokens:
    """Two tokens, one after the other."""
    return Tokens([canary("first token"), canary("second token")], PLACEMENTS["Authorization"])


@pytest.fixture(params=KITS, ids=["httpx", "httpx2"])
def kit(request: pytest.FixtureRequest) -> Kit:
    """httpx, then httpx2."""
    found: Kit = request.param
    return found


@pytest.fixture
def bench(kit: Kit, own: Server, tokens: Tokens) -> Iterator[Bench]:
    """A client of few connections with a queue; what the server still holds ends with the test."""
    one = Bench(kit, own, tokens)
    yield one
    one.may_end.set()
