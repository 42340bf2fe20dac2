"""A server for the tests of the page and the API: one for each file, emptied for each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.canary_watch import Canary
from tests.web.stage import Stage, stage


@pytest.fixture(autouse=True)
def addresses_stay_out_of_the_log() -> Iterator[None]:
    """The browser of these tests is an HTTP client that logs each address, codes and all; a real one logs none."""
    logger = logging.getLogger("httpx2")
    level = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(level)


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
