"""A server for the tests of the page and the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.canary_watch import Canary
from tests.web.stage import Stage, stage


@pytest.fixture
def web(canary: Canary) -> Iterator[Stage]:
    """A running server with nothing in it."""
    with stage(canary) as made:
        yield made
