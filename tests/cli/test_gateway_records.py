"""The records of a gateway are opened once, and a changed one costs one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from authrecord.cli.gateway_records import OpenedRecords
from authrecord.core.errors import RecordFault, TryLater
from authrecord.core.secret import Secret
from authrecord.gateway.watching import Watched
from authrecord.keeper.ports import StoredRecord
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.mapping import StoredRecords
from authrecord.stores.sql.store import SqlStore
from authrecord.wiring import Records, Settings, make_keeper
from tests.canary_watch import Canary
from tests.stores.opening import open_sqlite


class Counting(SqlStore):
    """A store that counts how often a record is opened."""

    opened = 0

    def read(self, name: str) -> StoredRecord:
        Counting.opened += 1
        return super().read(name)


@pytest.fixture
def store(tmp_path: Path, canary: Canary) -> Iterator[SqlStore]:
    made = open_sqlite(
        tmp_path / "data" / "store.sqlite", SealingKey(canary("key").encode()[:32].ljust(32)), time
    )
    store = Counting(made.backend, made.vault, actor="test")
    Counting.opened = 0
    for name in ("a", "b", "c"):
        auth = Bearer(token=Secret(canary(f"token of {name}")))
        store.create(Record(name=name, allowed_origins=("https://api.example.com",), auth=auth))
    yield store
    store.close()


@pytest.fixture
def opened(store: SqlStore, tmp_path: Path) -> OpenedRecords:
    keeper = make_keeper(Settings.read({}), base=tmp_path, store=store)
    return OpenedRecords(Records(StoredRecords(store), keeper, store=store))


def test_a_changed_record_is_opened_again_and_the_others_stay(store: SqlStore, opened: OpenedRecords) -> None:
    before = {name: opened.authenticator(name) for name in "abc"}
    opened.keep_only("abc")
    marks = opened.marks()
    assert Counting.opened == 3
    store.update("b", replace(store.read("b").record, description="x"), revision=None)
    Counting.opened = 0
    assert opened.marks() != marks
    opened.forget_changed(opened.records)
    after = {name: opened.authenticator(name) for name in "abc"}
    assert [before[name] is after[name] for name in "abc"] == [True, False, True]
    assert Counting.opened == 1


def test_a_record_that_is_gone_is_said_and_one_that_no_rule_names_is_forgotten(
    store: SqlStore, opened: OpenedRecords
) -> None:
    for name in "abc":
        opened.authenticator(name)
    opened.keep_only("ab")
    assert set(opened.marks()) == {"a", "b"}
    store.delete("a")
    assert opened.marks()["a"] is None
    opened.forget_changed(opened.records)
    with pytest.raises(RecordFault):
        opened.authenticator("a")


def test_while_the_store_is_away_what_was_seen_last_holds_and_the_change_is_taken_up_later(
    store: SqlStore, opened: OpenedRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = opened.authenticator("a")
    opened.keep_only("a")
    marks = opened.marks()

    def away(names: object) -> None:
        raise TryLater("the store is away", code="store_away")

    with monkeypatch.context() as patched:
        patched.setattr(store, "revisions_of", away)
        assert opened.marks() == marks
        with pytest.raises(TryLater):
            opened.forget_changed(opened.records)
        assert opened.authenticator("a") is kept


def test_what_could_not_be_loaded_since_the_store_was_away_is_loaded_later() -> None:
    marks, is_away = [0], [True]

    def load() -> str:
        if is_away:
            raise TryLater("the store is away", code="store_away")
        return "loaded"

    watched = Watched((), load, also=lambda: marks[0])
    marks[0] = 1
    with pytest.raises(TryLater):
        watched()
    is_away.clear()
    assert [watched(), watched()] == ["loaded", None]
