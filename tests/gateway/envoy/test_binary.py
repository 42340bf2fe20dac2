"""Which Envoy runs, and what it says it is: its behaviour is relied on beyond what it promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.gateway.envoy.binary import OLDEST, find_envoy, version_of


def script(folder: Path, said: str) -> Path:
    """A program that answers `--version`."""
    path = folder / "envoy"
    path.write_text(f"#!/bin/sh\necho '{said}'\n")
    path.chmod(0o700)
    return path


def test_the_envoy_of_the_tests_is_one_that_the_scripts_are_held_to() -> None:
    """A newer Envoy in the lock makes this fail: run every test here with it, then write its version down."""
    assert version_of(find_envoy({}))[:2] == OLDEST == (1, 40)


def test_the_operators_own_envoy_is_taken(tmp_path: Path) -> None:
    path = script(tmp_path, "envoy  version: 0a1b2c/1.41.3/Clean/RELEASE/BoringSSL")
    assert find_envoy({"ENVOY_BIN": str(path)}) == path
    assert version_of(path) == (1, 41, 3)


def test_one_that_is_too_old_is_refused(tmp_path: Path) -> None:
    path = script(tmp_path, "envoy  version: 0a1b2c/1.39.9/Clean/RELEASE/BoringSSL")
    with pytest.raises(StoreFault, match=r"is Envoy 1\.39\.9; 1\.40 or later"):
        find_envoy({"ENVOY_BIN": str(path)})


@pytest.mark.parametrize("said", ["hello", ""])
def test_what_is_no_envoy_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(StoreFault, match="does not say that it is Envoy"):
        find_envoy({"ENVOY_BIN": str(script(tmp_path, said))})
    with pytest.raises(StoreFault, match="does not run"):
        find_envoy({"ENVOY_BIN": os.fspath(tmp_path / "none")})
