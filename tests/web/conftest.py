"""A server for the tests of the page and the API: one for all of them, emptied for each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.canary_watch import Canary
from tests.real import availability
from tests.real.browser import HeadlessChromium
from tests.web.browsing import require_browser
from tests.web.stage import Stage, stage


@pytest.fixture(autouse=True)
def addresses_stay_out_of_the_log() -> Iterator[None]:
    """The browser of these tests is an HTTP client that logs addresses and headers, codes in them; no real one does."""
    loggers = [logging.getLogger(name) for name in ("httpx2", "httpcore2")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def chromium() -> Iterator[HeadlessChromium]:
    """A headless Chromium."""
    require_browser()
    executable = availability.chromium()
    assert executable is not None
    with HeadlessChromium(executable) as browser:
        yield browser
