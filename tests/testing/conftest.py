"""What the tests of the fakes share."""

from __future__ import annotations

import pytest

from authrecord.testing import hostile_bodies


@pytest.fixture(scope="package", autouse=True)
def large_bodies() -> None:
    """The largest bodies are made before a caller waits for one: on a busy machine that alone takes seconds."""
    hostile_bodies.gzip_bomb()
    hostile_bodies.many_keys()
