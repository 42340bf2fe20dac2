"""The fast way of `authrecord token`: right when all is well, silent about everything else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import authrecord
from authrecord.core import token as core_token
from authrecord.core.secret import Secret
from authrecord.keeper.naming import token_key
from authrecord.stores import quick
from authrecord.stores.keys import sealing_key
from authrecord.stores.locating import Located
from authrecord.stores.quick import QuickToken, index_key, quick_token, stored_index_key
from authrecord.stores.sql.entries import MOST
from tests.canary_watch import Canary

from .contract import BILLING, ORDERS, plain_token
from .opening import open_sqlite
from .records_contract import client

DOCUMENT = b"records: [orders]\n"
INDEX = index_key("/home/ada/authrecord.yaml", DOCUMENT, "orders")


class Shelf:
    """A store with one token in it, and the question that `authrecord token orders` asks."""

    def __init__(self, folder: Path, canary: Canary) -> None:
        self.cache = folder / "data" / "store.sqlite"
        self.source = f"file:{folder / 'keys' / 'store.key'}"
        key = sealing_key(self.source, environment={}, cache=str(self.cache), random=os.urandom)
        self.store = open_sqlite(self.cache, key, time)
        self.token = plain_token(canary)
        self.save()
        self.store.remember(INDEX, ORDERS)

    def save(self) -> None:
        assert self.store.settle(self.store.claim(ORDERS, seconds=30, patience=0), self.token) is not None

    def ask(self, after: float = 1.0, index: bytes | None = INDEX, source: str = "") -> str | None:
        located = Located(f"sqlite://{self.cache}", source or self.source, "default", "", is_named=False)
        found = quick_token(located, "orders", self.token.obtained_at + after, index=index)
        return None if found is None else found.reveal()

    def change(self, sql: str, *values: object) -> None:
        connection = sqlite3.connect(self.cache)
        with connection:
            connection.execute(sql, values)
        connection.close()


@pytest.fixture
def shelf(tmp_path: Path, canary: Canary) -> Shelf:
    return Shelf(tmp_path, canary)


def test_a_live_token_is_found(shelf: Shelf) -> None:
    assert shelf.ask() == shelf.token.access_token.reveal()
    shelf.store.close()
    assert shelf.ask() == shelf.token.access_token.reveal()


def test_a_token_in_its_margin_is_left_to_the_slow_way(shelf: Shelf) -> None:
    assert shelf.ask(after=3600 - 30.1) is not None
    assert shelf.ask(after=3600 - 30) is None
    assert shelf.ask(after=3600) is None


def test_J4_a_token_from_the_future_is_left_to_the_slow_way(shelf: Shelf) -> None:
    assert shelf.ask(after=-59) is not None
    assert shelf.ask(after=-61) is None
    assert quick.CLOCK_TOLERANCE == core_token.CLOCK_TOLERANCE


def test_the_newest_generation_is_given(shelf: Shelf, canary: Canary) -> None:
    shelf.token = replace(shelf.token, access_token=Secret(canary("renewed")))
    shelf.save()
    assert shelf.ask() == shelf.token.access_token.reveal()


def test_a_changed_document_is_left_to_the_slow_way(shelf: Shelf) -> None:
    for path, document, name in (
        ("/home/ada/authrecord.yaml", DOCUMENT + b"# a comment", "orders"),
        ("/home/bob/authrecord.yaml", DOCUMENT, "orders"),
        ("/home/ada/authrecord.yaml", DOCUMENT, "billing"),
    ):
        assert shelf.ask(index=index_key(path, document, name)) is None


def test_the_token_of_a_stored_record_is_found_until_the_record_changes(shelf: Shelf, canary: Canary) -> None:
    record = client(canary)
    assert shelf.ask(index=None) is None
    created = shelf.store.create(record)
    assert shelf.ask(index=None) is None
    key = token_key(record)
    assert shelf.store.settle(shelf.store.claim(key, seconds=30, patience=0), shelf.token) is not None
    shelf.store.remember(stored_index_key(created.identity, 1), key)
    assert shelf.ask(index=None) == shelf.token.access_token.reveal()
    shelf.store.update("orders", replace(record, description="changed"), revision=1)
    assert shelf.ask(index=None) is None


def test_L6_a_token_that_was_pointed_elsewhere_is_left_to_the_slow_way(shelf: Shelf) -> None:
    shelf.change("UPDATE tokens SET binding = 'elsewhere'")
    assert shelf.ask() is None


def test_no_two_documents_have_one_index_key() -> None:
    assert index_key("/a", b"bc", "d") != index_key("/ab", b"c", "d")


def test_a_forgotten_token_is_not_found(shelf: Shelf) -> None:
    shelf.store.forget(ORDERS)
    assert shelf.ask() is None


def test_L5_an_index_entry_moved_or_repointed_does_not_open(shelf: Shelf) -> None:
    other = index_key("/home/ada/authrecord.yaml", DOCUMENT, "billing")
    shelf.change("UPDATE entries SET index_key = ?", other)
    assert shelf.ask(index=other) is None
    shelf.change("UPDATE entries SET index_key = ?, sealed = (SELECT sealed FROM tokens)", INDEX)
    assert shelf.ask() is None


def test_L4_a_changed_token_is_left_to_the_slow_way(shelf: Shelf) -> None:
    shelf.change("UPDATE tokens SET generation = 9")
    assert shelf.ask() is None


def test_L1_another_key_or_none_is_left_to_the_slow_way(shelf: Shelf, tmp_path: Path) -> None:
    other = f"file:{tmp_path / 'other.key'}"
    assert shelf.ask(source=other) is None
    assert not (tmp_path / "other.key").exists()
    sealing_key(other, environment={}, cache="/nowhere", random=os.urandom)
    assert shelf.ask(source=other) is None
    for source in ("nonsense", "env:NOT_SET", "file:relative"):
        assert shelf.ask(source=source) is None


def test_K14_an_unsafe_file_is_left_to_the_slow_way(shelf: Shelf) -> None:
    shelf.cache.chmod(0o644)
    assert shelf.ask() is None


@pytest.mark.parametrize("content", [b"", b"no database" * 500])
def test_K16_a_broken_file_is_left_to_the_slow_way(shelf: Shelf, content: bytes) -> None:
    shelf.store.close()
    shelf.cache.write_bytes(content)
    assert shelf.ask() is None
    assert shelf.cache.read_bytes() == content
    shelf.cache.unlink()
    assert shelf.ask() is None
    assert not shelf.cache.exists()


def test_the_index_does_not_grow_for_ever(shelf: Shelf) -> None:
    shelf.store.remember(b"b" * 32, BILLING)
    for number in range(MOST + 5):
        shelf.store.remember(number.to_bytes(32, "big"), ORDERS)
    connection = sqlite3.connect(shelf.cache)
    counts = dict(connection.execute("SELECT name, count(*) FROM entries GROUP BY name"))
    connection.close()
    assert counts == {"orders": MOST, "billing": 1}


def test_P2_a_quick_token_does_not_show(canary: Canary) -> None:
    token = QuickToken(canary("access_token"), 1.0)
    assert "••••" in repr(token)
    assert not hasattr(token, "__dict__")


def test_the_fast_way_imports_nothing_slow(shelf: Shelf) -> None:
    """A whole process, as the command line is one; these modules would cost more than the look-up itself."""
    code = (
        "import sys; from authrecord.stores.quick import quick_token; from authrecord.stores.locating import Located;"
        "store = Located('sqlite://' + sys.argv[1], sys.argv[2], 'default', '', is_named=False);"
        "found = quick_token(store, 'orders', float(sys.argv[4]), index=bytes.fromhex(sys.argv[3]));"
        "print(found is not None, *(name for name in "
        "'dataclasses inspect json pathlib click rich asyncio httpx2 logging subprocess threading'.split()"
        " if name in sys.modules))"
    )
    output = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            code,
            str(shelf.cache),
            shelf.source,
            INDEX.hex(),
            str(shelf.token.obtained_at),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join([str(Path(authrecord.__file__).parents[1]), *sys.path])},
    ).stdout
    assert output.split() == ["True"]
