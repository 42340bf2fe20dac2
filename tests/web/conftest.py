"""A server for the tests of the page and the API: one for each file, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.canary_watch import Canary
from tests.web.stage import Stage, stage


@pytest.fixture(scope="module")
def running(session_canary: Canary) -> Iterator[Stage]:
    """A running server."""
    with stage(session_canary) as made:
        yield made


@pytest.fixture
def web(running: Stage, canary: Canary) -> Iterator[Stage]:
    """The server with nothing in its store."""
    running.begin(canary)
    yield running
    running.end()
