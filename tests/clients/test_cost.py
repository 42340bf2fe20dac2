"""What a request with a live token costs, where no machine's speed matters: the functions of ours that it enters."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import authrecord
from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import AsyncFace, Face
from .records import authenticator
from .server import Server

_OURS = str(Path(authrecord.__file__).parent)

_HTTPX = {"httpx_family.Logic.handle_request", "httpx_request.stamped"}
_HTTPX_ASYNC = {"httpx_family.AsyncLogic.handle_async_request", "httpx_request.stamped"}
ENTERED = {
    "httpx2": _HTTPX,
    "httpx2 async": _HTTPX_ASYNC,
    "httpx": _HTTPX,
    "httpx async": _HTTPX_ASYNC,
    "requests": {"requests.Adapter.send", "requests.Adapter.releases", "requests_lookups.Lookups.__call__"},
    "aiohttp": {
        "aiohttp.Middleware.__call__", "aiohttp_request.stamped", "aiohttp_request.Stamping.send",
        "aiohttp_request.Stamping.request_info",
        "aiohttp_request.Stamping._on_headers_request_sent",  # the face traces
    },
}  # fmt: skip


@contextmanager
def noting_calls() -> Iterator[set[str]]:
    """The functions of the package that are entered meanwhile, by module and name."""
    entered: set[str] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(_OURS):
            entered.add(f"{Path(code.co_filename).stem}.{code.co_qualname}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield entered
    finally:
        sys.setprofile(before)


def usual_request(face: Face, url: str) -> None:
    """One request by the client of a face, of which nothing is printed."""
    made = face.client.get(url)  # type: ignore[attr-defined]  # every face has a client
    if isinstance(face, AsyncFace):
        face.runner.run(_finished(made))


async def _finished(made: Any) -> None:
    answer = await made
    if inspect.isawaitable(reading := answer.read()):
        await reading


def test_a_usual_request_enters_few_functions_of_ours(
    open_face: Callable[[Authenticator], Face], canary: Canary, own: Server
) -> None:
    face = open_face(authenticator(canary("token"), own.origin))
    logging.getLogger().setLevel(logging.WARNING)  # masking what is logged is not the usual request's
    for _ in range(2):
        usual_request(face, own.origin + "/items")
    with noting_calls() as entered:
        usual_request(face, own.origin + "/items")
    assert entered == ENTERED[face.name]
