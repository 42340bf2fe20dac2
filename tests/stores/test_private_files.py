"""The files of the cache and the key belong to one user alone (row K14)."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores import private_files
from authrecord.stores.sealing import SealingKey
from tests.canary_watch import Canary

from .contract import ORDERS, plain_token
from .opening import open_sqlite
from .sql.test_sqlite_processes import in_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are POSIX")

NOBODY = 65534


def refused(cache: Path, key: SealingKey) -> str:
    """The code of the fault with which the cache is refused."""
    with pytest.raises(StoreFault) as caught:
        open_sqlite(cache, key, time)
    return caught.value.code


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_K14_everything_is_made_for_its_owner_alone(cache: Path, key: SealingKey, canary: Canary) -> None:
    previous = os.umask(0)
    try:
        store = open_sqlite(cache, key, time)
        store.settle(store.claim(ORDERS, seconds=30, patience=0), plain_token(canary))
    finally:
        os.umask(previous)
    assert mode(cache.parent) == 0o700
    paths = list(cache.parent.rglob("*"))
    names = {path.name.removeprefix("store.sqlite") for path in paths}
    assert names >= {"", "-wal", "-shm", ".ballast"}
    for path in paths:
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("other", [0o644, 0o640, 0o620, 0o604])
def test_K14_a_file_that_others_reach_is_refused(cache: Path, key: SealingKey, other: int) -> None:
    open_sqlite(cache, key, time).close()
    cache.chmod(other)
    assert refused(cache, key) == "unsafe_file"
    assert mode(cache) == other


def test_K14_a_symbolic_link_is_refused(cache: Path, key: SealingKey, tmp_path: Path) -> None:
    target = tmp_path / "target.sqlite"
    cache.parent.mkdir(mode=0o700)
    cache.symlink_to(target)
    assert refused(cache, key) == "unsafe_file"
    assert not target.exists()


def test_K14_a_second_name_is_refused(cache: Path, key: SealingKey, tmp_path: Path) -> None:
    open_sqlite(cache, key, time).close()
    (tmp_path / "second").hardlink_to(cache)
    assert refused(cache, key) == "unsafe_file"


@pytest.mark.parametrize("folder_mode", [0o777, 0o770])
def test_K14_a_folder_that_others_write_to_is_refused(cache: Path, key: SealingKey, folder_mode: int) -> None:
    cache.parent.mkdir()
    cache.parent.chmod(folder_mode)
    assert refused(cache, key) == "unsafe_file"
    assert not cache.exists()


def test_K14_a_sticky_folder_is_accepted(cache: Path, key: SealingKey) -> None:
    cache.parent.mkdir()
    cache.parent.chmod(0o1777)
    open_sqlite(cache, key, time).close()
    assert cache.exists()


def test_K14_something_that_is_no_file_is_refused(cache: Path, key: SealingKey) -> None:
    cache.parent.mkdir(mode=0o700)
    os.mkfifo(cache, 0o600)
    assert refused(cache, key) == "unsafe_file"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a file away")
def test_K14_a_file_of_another_user_is_refused(cache: Path, key: SealingKey) -> None:
    open_sqlite(cache, key, time).close()
    os.chown(cache, NOBODY, NOBODY)
    assert refused(cache, key) == "unsafe_file"


def test_K14_a_key_file_does_not_pass_when_it_is_swapped_for_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch(0o600)
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(StoreFault):
        private_files.read(str(link), 10)


def test_K6_a_read_only_folder_is_a_typed_fault_and_keeps_the_token(key: SealingKey, canary: Canary) -> None:
    """In a child without root's rights, since root may write everywhere."""
    folder = Path(tempfile.mkdtemp())
    cache = folder / "data" / "store.sqlite"
    token = plain_token(canary)

    def work() -> bool:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.setuid(NOBODY)
        store = open_sqlite(cache, key, time)
        saved = store.settle(store.claim(ORDERS, seconds=30, patience=0), token)
        store.close()
        cache.parent.chmod(0o500)
        cache.chmod(0o400)
        try:
            read_only = open_sqlite(cache, key, time)
            read_only.claim(ORDERS, seconds=30, patience=0)
        except StoreFault as fault:
            typed = fault.code in {"read_only", "unusable_file"}
        else:
            typed = False
        cache.parent.chmod(0o700)
        cache.chmod(0o600)
        return typed and open_sqlite(cache, key, time).load(ORDERS) == saved

    try:
        assert in_child(work)
    finally:
        shutil.rmtree(folder)
