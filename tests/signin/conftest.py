"""Fixtures of the sign-in tests. httpx2 is the browser here: what its own log shows of an address is not ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx2
import pytest

from authrecord.testing import HonestServer
from tests.signin.stage import Stage


@pytest.fixture(autouse=True)
def a_browser_that_logs_nothing() -> Iterator[None]:
    """A real browser writes no log of ours: silence the HTTP client that plays it."""
    loggers = [logging.getLogger(name) for name in ("httpx2", "httpcore2")]
    for logger in loggers:
        logger.disabled = True
    yield
    for logger in loggers:
        logger.disabled = False


@pytest.fixture
def server() -> Iterator[HonestServer]:
    with HonestServer(auto_login=True) as one:
        yield one


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """The browser: it follows no redirect by itself, and keeps its cookies."""
    with httpx2.Client(trust_env=False) as one:
        yield one


@pytest.fixture
def stage(server: HonestServer, http: httpx2.Client) -> Iterator[Stage]:
    one = Stage(server, http)
    yield one
    one.close()
