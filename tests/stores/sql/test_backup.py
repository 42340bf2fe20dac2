"""Backups: consistent while the store is written, without the key, and a copy that renews nothing by itself."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql import backup_file
from authrecord.stores.sql.audit import Entry, append
from authrecord.stores.sql.audit_verifying import verify
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.backup import back_up, restore
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.stores.sql.restored import confirm, refuse_restored
from authrecord.stores.sql.schema import MIGRATIONS, Migration
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from tests.canary_watch import Canary
from tests.stores.sql.tiny import TinyBackend

PLACE = b"a place"


class Shelf:
    """A store with tokens and a log, its key, and an empty store beside it."""

    def __init__(self, folder: Path, source: Backend, target: Backend, *, vault: Vault | None = None) -> None:
        self.file = str(folder / "store.backup")
        self.source = source
        self.target = target
        kek = LocalKek(SealingKey(os.urandom(32)), "env:KEY", os.urandom)
        self.vault = Vault(kek, os.urandom) if vault is None else vault
        initialise(self.source, self.vault)

    def put(self, count: int, plain: bytes = b"a token") -> None:
        with self.source.writing() as transaction:
            for number in range(count):
                version, sealed = self.vault.seal(transaction, "default", PLACE, plain)
                transaction.change(
                    "INSERT INTO tokens VALUES ('default', ?, ?, 'b', 1, ?, ?, 1.5, NULL, 2.5)",
                    (f"orders-{number}", os.urandom(32), version, sealed),
                )
                append(transaction, self.vault, "default", "cli:ada", Entry("token.renew", "ok"))

    def rows(self, backend: Backend) -> dict[str, list[tuple[object, ...]]]:
        with backend.reading() as transaction:
            return {one.name: transaction.rows(one.first_page()) for one in backup_file.tables()}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Two stores in memory."""
    with closing(TinyBackend()) as source, closing(TinyBackend()) as target:
        yield Shelf(tmp_path, source, target)


OpenAgain = Callable[[], Backend]
PAIRS = [(one, other) for one in ("sqlite", "postgres") for other in ("sqlite", "postgres")]


def open_kind(kind: str, folder: Path, request: pytest.FixtureRequest) -> OpenAgain:
    """Opens one new database of that kind, as often as it is called."""
    if kind == "sqlite":
        return lambda: SqliteBackend(str(folder / "store.sqlite"), time)
    url = request.getfixturevalue("new_database")()
    return lambda: PostgresBackend(url)


@pytest.fixture(params=PAIRS, ids=["-".join(pair) for pair in PAIRS])
def crosswise(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """From each database into each."""
    with ExitStack() as stack:
        opened = []
        for number, kind in enumerate(request.param):
            opened.append(stack.enter_context(closing(open_kind(kind, tmp_path / f"{number}", request)())))
            migrate(opened[-1])
        yield Shelf(tmp_path, *opened)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_L14_a_backup_while_others_write_is_one_moment(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write touches four tables; whatever is copied of them belongs together, and writers are not held up."""
    monkeypatch.setattr(backup_file, "ROWS_AT_ONCE", 3)
    open_again = open_kind(kind, tmp_path / "0", request)
    stop = threading.Event()
    with closing(open_again()) as source, closing(open_again()) as other, closing(TinyBackend()) as target:
        migrate(source)
        shelf = Shelf(tmp_path, source, target)
        writer = Shelf(tmp_path, other, target, vault=shelf.vault)

        def write() -> int:
            written = 0
            while not stop.is_set():
                writer.put(1)
                written += 1
            return written

        with ThreadPoolExecutor(1) as threads:
            writing = threads.submit(write)
            shelf.put(30)
            during = [back_up(source, str(tmp_path / f"{number}.backup")).rows for number in range(3)]
            stop.set()
            assert writing.result() > 0
        for number, rows in enumerate(during):
            restore(target, str(tmp_path / f"{number}.backup"), replace=True)
            with target.reading() as transaction:
                found = verify(transaction, shelf.vault, "default")
            assert (found.holds, found.rows) == (True, rows["tokens"])
        assert during[0]["tokens"] < during[2]["tokens"], "others wrote meanwhile"


def test_L14_every_row_comes_back_and_opens_under_the_same_key(crosswise: Shelf, canary: Canary) -> None:
    shelf = crosswise
    plain = canary("token").encode()
    shelf.put(5, plain)
    copied = back_up(shelf.source, shelf.file)
    assert copied.rows["tokens"] == 5
    assert restore(shelf.target, shelf.file, replace=False) == copied
    assert shelf.rows(shelf.source) == shelf.rows(shelf.target)
    with shelf.target.reading() as transaction:
        (sealed,) = transaction.rows("SELECT sealed FROM tokens")[0]
        assert shelf.vault.open(transaction, "default", PLACE, sealed) == plain
        assert verify(transaction, shelf.vault, "default").holds


def test_L14_a_table_of_more_rows_than_are_read_at_once_comes_back_whole(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_file, "ROWS_AT_ONCE", 7)
    shelf.put(50)
    told: list[tuple[str, int]] = []
    copied = back_up(shelf.source, shelf.file, lambda table, rows: told.append((table, rows)))
    assert (copied.rows["tokens"], copied.rows["audit"]) == (50, 50)
    assert ("tokens", 49) in told
    assert restore(shelf.target, shelf.file, replace=False).rows == copied.rows


def test_L14_the_copy_is_for_its_owner_alone_and_holds_no_key_and_no_secret(
    shelf: Shelf, canary: Canary
) -> None:
    key = os.urandom(32)
    vault = Vault(LocalKek(SealingKey(key), "env:KEY", os.urandom), os.urandom)
    with closing(TinyBackend()) as source:
        initialise(source, vault)
        plain = canary("token").encode()
        with source.writing() as transaction:
            version, sealed = vault.seal(transaction, "default", PLACE, plain)
            transaction.change(
                "INSERT INTO tokens VALUES ('default', 'x', x'00', 'b', 1, ?, ?, 1, 1, 1)", (version, sealed)
            )
        back_up(source, shelf.file)
    assert stat.S_IMODE(Path(shelf.file).stat().st_mode) == 0o600
    data = Path(shelf.file).read_bytes()
    assert key not in data
    assert sealed in data
    canary.scan(data, "the backup")


def test_I13_L14_a_restored_copy_renews_nothing_until_somebody_confirms(shelf: Shelf) -> None:
    shelf.put(1)
    with shelf.source.reading() as transaction:
        refuse_restored(transaction)
    back_up(shelf.source, shelf.file)
    restore(shelf.target, shelf.file, replace=False)
    with (
        shelf.target.reading() as transaction,
        pytest.raises(StoreFault, match="restore --confirm") as refused,
    ):
        refuse_restored(transaction)
    assert refused.value.code == "restored"
    assert confirm(shelf.target, shelf.vault, "default", "cli:ada")
    assert not confirm(shelf.target, shelf.vault, "default", "cli:ada"), "once is enough"
    with shelf.target.reading() as transaction:
        refuse_restored(transaction)
        assert transaction.rows("SELECT action FROM audit WHERE seq > 1") == [("store.confirm",)]
    with shelf.source.reading() as transaction:
        refuse_restored(transaction)


def test_L14_a_backup_of_an_unconfirmed_copy_is_unconfirmed(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(1)
    back_up(shelf.source, shelf.file)
    restore(shelf.target, shelf.file, replace=False)
    second = str(tmp_path / "second.backup")
    back_up(shelf.target, second)
    restore(shelf.source, second, replace=True)
    with shelf.source.reading() as transaction, pytest.raises(StoreFault):
        refuse_restored(transaction)


def test_L14_a_store_that_holds_something_is_replaced_only_when_told_to(shelf: Shelf) -> None:
    shelf.put(2)
    back_up(shelf.source, shelf.file)
    shelf.put(3)
    before = shelf.rows(shelf.source)
    with pytest.raises(StoreFault, match="it holds tokens") as refused:
        restore(shelf.source, shelf.file, replace=False)
    assert refused.value.code == "not_empty"
    assert shelf.rows(shelf.source) == before
    assert restore(shelf.source, shelf.file, replace=True).rows["tokens"] == 2
    assert len(shelf.rows(shelf.source)["tokens"]) == 2


def test_L14_a_store_with_nothing_but_keys_counts_as_empty(shelf: Shelf) -> None:
    shelf.put(1)
    back_up(shelf.source, shelf.file)
    other = Vault(LocalKek(SealingKey(os.urandom(32)), "env:OTHER", os.urandom), os.urandom)
    initialise(shelf.target, other)
    assert restore(shelf.target, shelf.file, replace=False).rows["keks"] == 1
    shelf.vault.check(shelf.target)
    with pytest.raises(StoreFault):
        other.check(shelf.target)


def test_an_existing_file_is_not_written_over(shelf: Shelf) -> None:
    Path(shelf.file).write_text("mine")
    with pytest.raises(StoreFault, match="exists already"):
        back_up(shelf.source, shelf.file)
    assert Path(shelf.file).read_text() == "mine"


def test_a_backup_that_fails_leaves_nothing_behind(shelf: Shelf) -> None:
    shelf.put(1)

    def stop(table: str, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(shelf.source, shelf.file, stop)
    assert list(Path(shelf.file).parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match="No such file"):
        back_up(shelf.source, str(tmp_path / "nowhere" / "b"))


def test_a_restore_that_fails_leaves_the_store_as_it_was(shelf: Shelf) -> None:
    shelf.put(2)
    back_up(shelf.source, shelf.file)
    shelf.put(1)
    before = shelf.rows(shelf.source)

    def stop(table: str, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(shelf.source, shelf.file, replace=True, progress=stop)
    assert shelf.rows(shelf.source) == before


def test_K16_a_damaged_backup_is_refused_and_nothing_changes(shelf: Shelf) -> None:
    shelf.put(200)
    back_up(shelf.source, shelf.file)
    data = bytearray(Path(shelf.file).read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 64] = bytes(64)
    Path(shelf.file).write_bytes(data)
    with pytest.raises(StoreFault) as refused:
        restore(shelf.target, shelf.file, replace=False)
    assert refused.value.code == "damaged"
    assert shelf.rows(shelf.target)["tokens"] == []


def test_K16_a_backup_that_was_cut_short_is_refused(shelf: Shelf) -> None:
    shelf.put(200)
    back_up(shelf.source, shelf.file)
    data = Path(shelf.file).read_bytes()
    Path(shelf.file).write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreFault) as refused:
        restore(shelf.target, shelf.file, replace=False)
    assert refused.value.code == "damaged"


def test_another_file_is_no_backup(shelf: Shelf, tmp_path: Path) -> None:
    for content in (b"", b"records: []\n", bytes(4096), os.urandom(4096)):
        Path(shelf.file).write_bytes(content)
        with pytest.raises(StoreFault, match="no backup of authrecord: it is no SQLite file"):
            restore(shelf.target, shelf.file, replace=False)
    os.unlink(shelf.file)
    with closing(sqlite3.connect(shelf.file)) as connection:
        connection.execute("CREATE TABLE other (name TEXT)")
    with pytest.raises(StoreFault, match="another program wrote it"):
        restore(shelf.target, shelf.file, replace=False)
    with closing(SqliteBackend(str(tmp_path / "live"), time)) as live:
        migrate(live)
        with pytest.raises(StoreFault, match="a store in use"):
            restore(shelf.target, str(tmp_path / "live"), replace=False)
    with pytest.raises(StoreFault, match="No such file"):
        restore(shelf.target, str(tmp_path / "nowhere"), replace=False)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER t AFTER INSERT ON tokens BEGIN SELECT 1; END",
        "DROP TABLE tokens; CREATE VIEW tokens AS SELECT * FROM claims",
        "ALTER TABLE tokens ADD COLUMN more TEXT",
        "DROP INDEX tokens_by_key",
    ],
)
def test_a_backup_with_other_tables_than_ours_is_refused(shelf: Shelf, change: str) -> None:
    """A file from elsewhere may hold views and triggers; nothing of them runs."""
    back_up(shelf.source, shelf.file)
    with closing(sqlite3.connect(shelf.file, isolation_level=None)) as connection:
        connection.executescript(change)
    with pytest.raises(StoreFault, match="its tables are not authrecord's"):
        restore(shelf.target, shelf.file, replace=False)


def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put(3)
    back_up(shelf.source, shelf.file)
    second = Migration("ALTER TABLE tokens ADD COLUMN more TEXT NOT NULL DEFAULT 'x'", works_with=1)
    monkeypatch.setattr(backup_file, "MIGRATIONS", (*MIGRATIONS, second))
    migrate(shelf.target, (*MIGRATIONS, second))
    assert restore(shelf.target, shelf.file, replace=False).rows["tokens"] == 3
    with shelf.target.reading() as transaction:
        assert transaction.rows("SELECT DISTINCT more FROM tokens") == [("x",)]


def test_K13_a_backup_of_a_newer_schema_says_which_versions_are_known(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_file, "MIGRATIONS", (*MIGRATIONS, Migration("SELECT 1", works_with=2)))
    back_up(shelf.source, shelf.file)
    monkeypatch.undo()
    newest = len(MIGRATIONS)
    told = f"version {newest + 1}, and this authrecord knows {newest} at most"
    with pytest.raises(StoreFault, match=told) as refused:
        restore(shelf.target, shelf.file, replace=False)
    assert refused.value.code == "schema"


def test_every_table_has_a_primary_key_to_read_it_by() -> None:
    found = backup_file.tables()
    assert {"records", "secrets", "tokens", "audit", "tenant_keys"} <= {one.name for one in found}
    assert all(one.key for one in found)
