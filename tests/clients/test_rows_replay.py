"""H5 and H11: how the second sending is framed, and how long it may take."""

from __future__ import annotations

import asyncio
import importlib
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authrecord.clients.attach import attach
from authrecord.keeper.authenticator import Authenticator
from tests.canary_watch import Canary

from .faces import Face
from .records import PLACEMENTS, Tokens, authenticator
from .server import Arrived, Reply, Server

Open = Callable[[Authenticator], Face]


@pytest.fixture
def two(canary: Canary) -> list[str]:
    """Two tokens of different lengths."""
    return [canary("old token"), canary("new token") + "x" * 100]


def refuses_first(own: Server, secret: str) -> None:
    own.routes["/"] = lambda arrived: Reply(200 if secret in arrived.everything() else 401, b"ok")


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "bytes": lambda: {"content": b"0123456789" * 30},
    "json": lambda: {"json": {"a": "ä"}},
    "form": lambda: {"data": {"a": "b c"}},
    "file": lambda: {"files": {"upload": ("a.bin", io.BytesIO(b"0123456789" * 200))}},
    "nothing": dict,
}


@pytest.mark.parametrize(
    ("method", "kind"), [*(("POST", kind) for kind in BODIES), ("PUT", "bytes"), ("PATCH", "json")]
)
def test_H5_the_second_sending_is_framed_for_its_own_body(
    two: list[str], own: Server, open_face: Open, kind: str, method: str
) -> None:
    refuses_first(own, two[1])
    face = open_face(authenticator(two, own.origin))
    assert face.call(method, own.origin + "/", **BODIES[kind]()).status == 200
    assert face.call("GET", own.origin + "/after").status == 200
    first, second, after = own.arrived
    assert first.body == second.body
    for arrived in (first, second):
        lengths, codings = arrived.values("content-length"), arrived.values("transfer-encoding")
        assert lengths in ([], [str(len(arrived.body))])
        assert len(lengths) + len(codings) <= 1
        assert arrived.values("host") == [f"127.0.0.1:{own.port}"]
    # What stands behind the second sending on the same connection is read as a request of its own.
    assert (after.method, after.target, after.body) == ("GET", "/after", b"")
    assert second.connection == after.connection


def test_H5_headers_of_the_framing_stand_once_when_a_query_key_grows(
    two: list[str], own: Server, open_face: Open
) -> None:
    refuses_first(own, two[1])
    face = open_face(authenticator(two, own.origin, placement="query"))
    assert face.call("POST", own.origin + "/", content=b"body").status == 200
    assert [each.values("content-length") for each in own.arrived] == [["4"], ["4"]]
    assert [list(each.query.values()) for each in own.arrived] == [[two[0]], [two[1]]]


@pytest.fixture
def held(own: Server, two: list[str]) -> Iterator[threading.Event]:
    """The first sending is refused at once; the second gets no answer before the event."""
    released = threading.Event()

    def answer(arrived: Arrived) -> Reply:
        if two[1] not in arrived.everything():
            return Reply(401, b"expired")
        released.wait(60)
        return Reply()

    own.routes["/"] = answer
    yield released
    released.set()


SYNC_LIBRARIES = pytest.mark.parametrize("library", ["httpx", "httpx2", "requests"])


@SYNC_LIBRARIES
def test_H11_the_callers_limit_holds_for_the_second_sending_too(
    two: list[str], own: Server, held: threading.Event, library: str
) -> None:
    module = importlib.import_module(library)
    client = module.Session() if library == "requests" else module.Client(timeout=60)
    kind = module.ReadTimeout
    with attach(client, authenticator(two, own.origin)) as one, pytest.raises(kind):
        one.get(own.origin + "/", timeout=0.2)
    assert len(own.arrived) == 2


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_H11_the_limit_of_a_task_holds_for_the_second_sending_too(
    two: list[str], own: Server, held: threading.Event, library: str
) -> None:
    module = importlib.import_module(library)

    async def run() -> None:
        async with attach(module.AsyncClient(timeout=60), authenticator(two, own.origin)) as client:
            await client.get(own.origin + "/", timeout=0.2)

    with pytest.raises(module.ReadTimeout):
        asyncio.run(run())
    assert len(own.arrived) == 2


def test_H11_the_total_of_aiohttp_runs_on_through_renewal_and_second_sending(
    two: list[str], own: Server, held: threading.Event
) -> None:
    import aiohttp

    deadlines: list[float] = []

    class Watched(Tokens):
        async def obtain_async(self, rejected: Any = None) -> Any:
            deadlines.append(remaining())
            return await super().obtain_async(rejected)

    async def run() -> None:
        source = Watched(two, PLACEMENTS["Authorization"])
        async with aiohttp.ClientSession() as session:
            attach(session, authenticator(two, own.origin, source=source))
            await session.get(own.origin + "/", timeout=aiohttp.ClientTimeout(total=1.5))

    def remaining() -> float:
        """When the one timer of the call goes off: a budget made anew would stand later."""
        loop: Any = asyncio.get_running_loop()
        times: list[float] = [handle.when() for handle in loop._scheduled if not handle.cancelled()]
        return min(times)

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert len(own.arrived) == 2
    assert len(deadlines) == 2
    assert deadlines[0] == deadlines[1]


def test_H11_a_limit_around_the_call_ends_it_in_the_middle_of_the_second_sending(
    two: list[str], own: Server, held: threading.Event, open_face: Open
) -> None:
    face = open_face(authenticator(two, own.origin))
    runner, acall = getattr(face, "runner", None), getattr(face, "acall", None)
    if runner is None or acall is None:
        assert not hasattr(face.client, "aclose")  # type: ignore[attr-defined]  # a thread cannot be cancelled
        return

    async def limited() -> None:
        async with asyncio.timeout(1.5):
            await acall("GET", own.origin + "/", streams=False, follow=True)

    with pytest.raises(TimeoutError):
        runner.run(limited())
    assert len(own.arrived) == 2
    held.set()
    assert face.call("GET", own.origin + "/").status == 200
