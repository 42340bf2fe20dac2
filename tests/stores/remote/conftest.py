"""A running server for the tests of the store at a URL, a provider behind it, and those who ask from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.stores.remote.reach import Reach
from tests.web.stage import Stage, stage


@pytest.fixture(scope="session")
def serving(session_canary: Canary) -> Iterator[Stage]:
    """A running `authrecord serve`, but for the command line around it."""
    with stage(session_canary) as made:
        yield made


@pytest.fixture
def web(serving: Stage, canary: Canary) -> Iterator[Stage]:
    """The server with nothing in its store."""
    serving.begin(canary)
    yield serving
    serving.end()


@pytest.fixture
def provider(canary: Canary) -> Iterator[HonestServer]:
    """A provider, and an API that takes its tokens."""
    with HonestServer(make_secret=canary.make) as server:
        yield server


@pytest.fixture
def reach(web: Stage, provider: HonestServer) -> Iterator[Reach]:
    """Programs that know the server by its URL and an API token only."""
    made = Reach(web, provider)
    yield made
    made.end()
