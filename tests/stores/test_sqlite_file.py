"""What a store in a file on this disk must hold, beside the contract of all stores."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault, TryLater
from authrecord.core.token import Token
from authrecord.keeper.ports import TokenKey
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql import sqlite_file
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.stores.contract import BILLING, ORDERS, ORDERS_EDITED, full_token, plain_token
from tests.stores.opening import open_sqlite, sqlite_of


def save(store: SqlStore, canary: Canary) -> None:
    assert store.settle(store.claim(ORDERS, seconds=30, patience=0), full_token(canary)) is not None


def code_of_load(store: SqlStore, key: TokenKey) -> str:
    """`nothing` for no token, else the code of the fault."""
    try:
        return "nothing" if store.load(key) is None else "a token"
    except StoreFault as fault:
        return fault.code


def large_token(canary: Canary) -> Token:
    """A token that needs new pages in the file."""
    return replace(plain_token(canary), scope="x" * 200_000)


def row(cache: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Look into the file, or change it, as somebody who has it but not the key."""
    connection = sqlite3.connect(cache)
    with connection:
        rows = connection.execute(sql, values).fetchall()
    connection.close()
    return rows


def test_a_token_outlives_the_process_that_wrote_it(
    cache: Path, key: SealingKey, store: SqlStore, canary: Canary
) -> None:
    save(store, canary)
    token = store.load(ORDERS)
    store.close()
    assert open_sqlite(cache, key, time).load(ORDERS) == token


def test_L1_a_wrong_key_is_found_before_anything_is_written(
    cache: Path, store: SqlStore, canary: Canary
) -> None:
    save(store, canary)
    store.close()
    before = hashlib.sha256(cache.read_bytes()).digest()
    with pytest.raises(StoreFault) as caught:
        open_sqlite(cache, SealingKey(os.urandom(32)), time)
    assert caught.value.code == "wrong_key"
    assert hashlib.sha256(cache.read_bytes()).digest() == before


def test_L4_a_changed_bit_anywhere_does_not_open_and_others_still_work(
    cache: Path, store: SqlStore, canary: Canary
) -> None:
    save(store, canary)
    assert store.settle(store.claim(BILLING, seconds=30, patience=0), plain_token(canary)) is not None
    ((sealed,),) = row(cache, "SELECT sealed FROM tokens WHERE name = 'orders'")
    assert isinstance(sealed, bytes)
    regions = [
        0,
        1,
        16,
        32,
        33,
        40,
        44,
        45,
        60,
        len(sealed) // 2,
        len(sealed) - 17,
        len(sealed) - 16,
        len(sealed) - 1,
    ]
    for position in regions:
        for bit in (0x01, 0x80):
            changed = bytearray(sealed)
            changed[position] ^= bit
            row(cache, "UPDATE tokens SET sealed = ? WHERE name = 'orders'", bytes(changed))
            with pytest.raises(StoreFault) as caught:
                store.load(ORDERS)
            assert caught.value.code == "tampered"
            assert "authrecord login orders" in caught.value.hint
            assert store.load(BILLING) is not None


@pytest.mark.parametrize("length", [0, 1, 44, 60, 61])
def test_L4_a_cut_value_does_not_open(cache: Path, store: SqlStore, canary: Canary, length: int) -> None:
    save(store, canary)
    row(cache, "UPDATE tokens SET sealed = substr(sealed, 1, ?)", length)
    with pytest.raises(StoreFault, match="does not open"):
        store.load(ORDERS)


@pytest.mark.parametrize(
    "move",
    [
        "UPDATE tokens SET name = 'billing'",
        "UPDATE tokens SET generation = 2",
    ],
)
def test_L5_a_moved_row_does_not_open(cache: Path, store: SqlStore, canary: Canary, move: str) -> None:
    save(store, canary)
    row(cache, move)
    codes = [code_of_load(store, key) for key in (ORDERS, ORDERS_EDITED, BILLING)]
    assert set(codes) <= {"nothing", "tampered"}  # under another name it is not even found


def test_L5_a_token_moved_to_another_digest_of_its_record_does_not_open(
    cache: Path, store: SqlStore, canary: Canary
) -> None:
    save(store, canary)
    assert store.settle(store.claim(ORDERS_EDITED, seconds=30, patience=0), plain_token(canary)) is not None
    row(cache, "UPDATE tokens SET sealed = (SELECT sealed FROM tokens ORDER BY length(sealed) DESC LIMIT 1)")
    assert sorted(code_of_load(store, key) for key in (ORDERS, ORDERS_EDITED)) == ["a token", "tampered"]


def test_L6_a_token_that_was_pointed_elsewhere_does_not_open(
    cache: Path, store: SqlStore, canary: Canary
) -> None:
    save(store, canary)
    row(cache, "UPDATE tokens SET binding = 'elsewhere'")
    assert code_of_load(store, ORDERS) == "nothing"
    assert code_of_load(store, replace(ORDERS, binding="elsewhere")) == "tampered"


def test_L8_a_blob_of_another_version_is_refused(cache: Path, store: SqlStore, canary: Canary) -> None:
    save(store, canary)
    row(cache, "UPDATE tokens SET sealed = x'00' || substr(sealed, 2)")
    with pytest.raises(StoreFault):
        store.load(ORDERS)


def test_L4_forget_is_the_way_out_of_a_tampered_token(cache: Path, store: SqlStore, canary: Canary) -> None:
    save(store, canary)
    row(cache, "UPDATE tokens SET generation = 7")
    with pytest.raises(StoreFault):
        store.claim(ORDERS, seconds=30, patience=0)
    store.forget(ORDERS)
    save(store, canary)
    assert store.load(ORDERS) is not None


def test_P1_no_file_of_the_cache_holds_a_token(cache: Path, store: SqlStore, canary: Canary) -> None:
    """The plugin searches the files below `tmp_path`; here is something for it to search in."""
    save(store, canary)
    assert any(file.stat().st_size for file in cache.parent.iterdir())


def test_K4_disk_full_leaves_the_old_token_and_the_claim(
    cache: Path, store: SqlStore, canary: Canary
) -> None:
    save(store, canary)
    old = store.load(ORDERS)
    claim = store.claim(ORDERS, seconds=30, patience=0)
    with sqlite_of(store).raw() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}").fetchone()
    with pytest.raises(StoreFault) as caught:
        store.settle(claim, large_token(canary))
    assert caught.value.code == "disk_full"
    assert store.load(ORDERS) == old
    with sqlite_of(store).raw() as connection:
        connection.execute("PRAGMA max_page_count=100000").fetchone()
    assert store.settle(claim, large_token(canary)) is not None


def test_K6_a_file_removed_while_running_is_noticed(cache: Path, store: SqlStore, canary: Canary) -> None:
    save(store, canary)
    cache.rename(cache.with_suffix(".gone"))
    with pytest.raises(StoreFault):
        store.load(ORDERS)
    cache.touch(0o600)
    with pytest.raises(StoreFault) as caught:
        store.load(ORDERS)
    assert caught.value.code == "file_replaced"


def test_K7_a_database_held_by_another_process_is_a_typed_error(cache: Path, store: SqlStore) -> None:
    with sqlite_of(store).raw() as connection:
        connection.execute("PRAGMA busy_timeout=20").fetchone()
    holder = sqlite3.connect(cache, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(TryLater) as caught:
        store.claim(ORDERS, seconds=30, patience=0)
    assert caught.value.code == "store_busy"
    holder.execute("ROLLBACK")
    holder.close()
    store.claim(ORDERS, seconds=30, patience=0)


def test_K13_tables_of_somebody_else_are_refused_and_kept(cache: Path, key: SealingKey) -> None:
    cache.parent.mkdir(mode=0o700)
    cache.touch(0o600)
    row(cache, "CREATE TABLE theirs (a)")
    before = cache.read_bytes()
    with pytest.raises(StoreFault) as caught:
        open_sqlite(cache, key, time)
    assert caught.value.code == "schema"
    assert cache.read_bytes() == before


def test_K8_a_network_file_system_is_refused(
    cache: Path, key: SealingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = f"36 35 98:0 / / rw - ext4 /dev/sda1 rw\n41 36 0:50 / {cache.parents[1]} rw - nfs4 nas:/ada rw\n"
    monkeypatch.setattr(sqlite_file, "mounted", lambda: mounts)
    with pytest.raises(StoreFault) as caught:
        open_sqlite(cache, key, time)
    assert caught.value.code == "network_file_system"
    assert not cache.exists()


def test_K5_the_ballast_makes_room_for_a_new_token_and_lies_there_again_later(
    cache: Path, key: SealingKey, store: SqlStore, canary: Canary
) -> None:
    ballast = cache.with_name(cache.name + ".ballast")
    assert ballast.stat().st_size == 1024 * 1024
    assert ballast.stat().st_blocks * 512 >= 1024 * 1024
    claim = store.claim(ORDERS, seconds=30, patience=0)
    with sqlite_of(store).raw() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}").fetchone()
    with pytest.raises(
        StoreFault
    ) as caught:  # the limit of this connection stands for the disk: no file frees it
        store.settle(claim, large_token(canary))
    assert caught.value.code == "disk_full"
    assert not ballast.exists()
    store.close()
    open_sqlite(cache, key, time).close()
    assert ballast.exists()


def test_K5_a_full_disk_is_tried_again_once_there_is_room(
    store: SqlStore, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = store.claim(ORDERS, seconds=30, patience=0)
    with sqlite_of(store).raw() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}").fetchone()

    def freed() -> bool:
        """Lifts the limit that stands for the disk, as the ballast's space would."""
        with sqlite_of(store).raw() as connection:
            connection.execute("PRAGMA max_page_count=100000").fetchone()
        return True

    monkeypatch.setattr(store.backend, "make_room", freed)
    saved = store.settle(claim, large_token(canary))
    assert saved is not None
    assert store.load(ORDERS) == saved


def test_K15_forgotten_tokens_leave_no_trace_in_the_files(
    cache: Path, store: SqlStore, canary: Canary
) -> None:
    save(store, canary)
    ((sealed,),) = row(cache, "SELECT sealed FROM tokens")
    assert isinstance(sealed, bytes)
    store.forget(ORDERS)
    for file in cache.parent.iterdir():
        if file.is_file():
            assert sealed[40:80] not in file.read_bytes()


@pytest.mark.parametrize(
    "content", [b"not a database, but something long enough to look at" * 40, b"SQLite format 3\0"]
)
def test_K16_a_corrupt_file_is_refused_and_kept(cache: Path, key: SealingKey, content: bytes) -> None:
    cache.parent.mkdir(mode=0o700)
    cache.touch(0o600)
    cache.write_bytes(content)
    with pytest.raises(StoreFault) as caught:
        open_sqlite(cache, key, time)
    assert caught.value.code == "corrupt"
    assert cache.read_bytes() == content


def test_a_closed_store_is_not_used(store: SqlStore) -> None:
    store.close()
    with pytest.raises(StoreFault, match="closed"):
        store.load(ORDERS)
