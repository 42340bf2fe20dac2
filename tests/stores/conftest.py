"""A sealed cache for each test."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from authrecord.stores.local import LocalStore
from authrecord.stores.sealing import SealingKey


@pytest.fixture
def key() -> SealingKey:
    return SealingKey(os.urandom(32))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where the cache of this test is; nothing is there yet."""
    return tmp_path / "state" / "tokens.sqlite"


@pytest.fixture
def store(cache: Path, key: SealingKey) -> LocalStore:
    """A cache on the machine's own clock."""
    return LocalStore(cache, key, time, os.urandom)
