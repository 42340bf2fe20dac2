"""What waits on a server's disk for the audit log: told once, at its time; never where it was changed; bounded."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from authrecord.core import faults
from authrecord.core.errors import StoreFault
from authrecord.stores.spool_file import left_behind
from authrecord.stores.sql.audit import Entry, Line
from authrecord.stores.sql.audit_listing import Wanted, lines
from authrecord.stores.sql.audit_spool import PURPOSE, AuditSpool
from authrecord.stores.sql.audit_spool_telling import MARK, TakenOver, tell
from authrecord.stores.sql.audit_verifying import verify
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import create_tenant, destroy_tenant
from tests.canary_watch import Canary
from tests.stores.records_contract import key

AT = 1_700_000_000.123456
ACTOR = "token:abcdefghij"


class Hit(Exception):
    """What a fault point raises."""


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    yield
    faults.install(None)


def fail_at(point: str, error: Exception | None = None) -> None:
    def hook(name: str) -> None:
        if name == point:
            raise error or Hit

    faults.install(hook)


def spool_of(store: SqlStore, folder: Path, **bounds: int) -> AuditSpool:
    store.vault.load(store.backend, store.tenant)
    vault = store.vault
    return AuditSpool(
        str(folder / "spool"),
        lambda tenant, value: vault.keyed_from_memory(tenant, PURPOSE, value),
        lambda: AT,
        **bounds,
    )


def released(number: int = 0, record: str = "") -> Entry:
    return Entry("token.release", "ok", record=record, name=f"orders-{number}")


def told(store: SqlStore, tenant: str = "default") -> list[str]:
    """The names in the rows that came from a spool; the chain of all of them is whole."""
    with store.backend.reading() as transaction:
        assert verify(transaction, store.vault, tenant).holds
        found = list(lines(transaction, tenant, Wanted(action="token.release")))
    rows = [one for one in found if isinstance(one, Line)]
    assert len(rows) == len(found)
    assert all(one.at == AT and MARK in one.entry.detail and one.actor == ACTOR for one in rows)
    return [one.entry.name for one in rows]


def test_N13_what_waits_is_told_once_with_the_time_at_which_it_happened(
    store: SqlStore, tmp_path: Path, canary: Canary
) -> None:
    stored = store.create(key(canary))
    spool = spool_of(store, tmp_path)
    spool.keep("default", ACTOR, [released(0, stored.identity), released(1)])
    spool.keep("default", ACTOR, [released(2)])
    assert (spool.waiting, told(store)) == (3, [])
    assert tell(store.backend, store.vault, spool) == 0
    assert told(store) == ["orders-0", "orders-1", "orders-2"]
    assert (spool.waiting, spool.lines()) == (0, b"")
    with store.backend.reading() as transaction:
        assert transaction.row("SELECT used_at FROM records WHERE id = ?", (stored.identity,)) == (AT,)
    spool.keep("default", ACTOR, [released(3)])
    assert tell(store.backend, store.vault, spool) == 0
    assert told(store)[3:] == ["orders-3"]
    spool.close()
    assert left_behind(spool.folder) == []


@pytest.mark.parametrize("point", ["spool.tell.before_commit", "spool.tell.after_commit", "spool.cut.before"])
def test_N13_what_was_cut_short_between_log_and_spool_is_told_once(
    store: SqlStore, tmp_path: Path, point: str
) -> None:
    spool = spool_of(store, tmp_path)
    spool.keep("default", ACTOR, [released(number) for number in range(3)])
    fail_at(point)
    with pytest.raises(Hit):
        tell(store.backend, store.vault, spool)
    faults.install(None)
    spool.close()
    again = left_behind(spool.folder)
    assert len(again) == 1
    assert tell(store.backend, store.vault, TakenOver(again[0])) == 0
    again[0].close()
    assert told(store) == ["orders-0", "orders-1", "orders-2"]
    assert left_behind(spool.folder) == []


def test_what_comes_while_the_rest_is_told_stays_and_is_told_as_well(store: SqlStore, tmp_path: Path) -> None:
    spool = spool_of(store, tmp_path)
    spool.keep("default", ACTOR, [released(0)])

    def meanwhile(name: str) -> None:
        if name == "spool.tell.after_commit" and spool.waiting == 1:
            spool.keep("default", ACTOR, [released(1)])

    faults.install(meanwhile)
    assert tell(store.backend, store.vault, spool) == 0
    assert told(store) == ["orders-0", "orders-1"]
    assert spool.waiting == 0
    spool.close()


@pytest.mark.parametrize("change", ["edit", "delete", "insert", "swap", "junk"])
def test_N14_what_was_changed_in_the_spool_is_not_told_and_stays(
    store: SqlStore, tmp_path: Path, change: str
) -> None:
    spool = spool_of(store, tmp_path)
    for number in range(4):
        spool.keep("default", ACTOR, [released(number)])
    spool.close()
    (path,) = (tmp_path / "spool").glob("*.spool")
    kept = path.read_bytes().splitlines(keepends=True)
    changed = {
        "edit": [kept[0], kept[1].replace(b"orders-1", b"orders-9"), *kept[2:]],
        "delete": [kept[0], *kept[2:]],
        "insert": [kept[0], kept[0], *kept[1:]],
        "swap": [kept[0], kept[2], kept[1], kept[3]],
        "junk": [kept[0], b'00 ["a"]\n', *kept[1:]],
    }[change]
    path.write_bytes(b"".join(changed))
    (file,) = left_behind(spool.folder)
    assert tell(store.backend, store.vault, TakenOver(file)) == len(changed) - 1
    file.close()
    assert told(store) == ["orders-0"]
    assert path.read_bytes() == b"".join(changed), "for whoever looks into it"


def test_a_spool_of_another_store_is_left_alone(store: SqlStore, tmp_path: Path) -> None:
    other = AuditSpool(str(tmp_path / "spool"), lambda tenant, value: bytes(32), lambda: AT)
    other.keep("default", ACTOR, [released()])
    assert tell(store.backend, store.vault, other) == 1
    assert (told(store), other.waiting) == ([], 1)
    other.close()


def test_the_lines_of_a_destroyed_tenant_are_left_and_those_of_others_told(
    store: SqlStore, tmp_path: Path
) -> None:
    operator = Operator(store.backend, store.vault, store.tenant, "test")
    create_tenant(operator, "acme")
    store.vault.load(store.backend, "acme")
    spool = spool_of(store, tmp_path)
    spool.keep("acme", ACTOR, [released(0)])
    spool.keep("default", ACTOR, [released(1)])
    destroy_tenant(operator, "acme")
    assert tell(store.backend, store.vault, spool) == 1
    assert told(store) == ["orders-1"]
    with store.backend.reading() as transaction:
        assert transaction.row("SELECT 1 FROM audit WHERE tenant = 'acme'") is None
    spool.close()


def test_N15_a_line_holds_what_a_row_holds_and_no_value(store: SqlStore, tmp_path: Path) -> None:
    spool = spool_of(store, tmp_path)
    entry = Entry("headers.release", "ok", "id", "orders\n", "https://a.example", "r", "ab", "words")
    spool.keep("default", "token:x\x1b[2J", [entry])
    (line,) = spool.lines().splitlines()
    proof, _, body = line.partition(b" ")
    assert len(proof) == 64
    identity, at, *told = json.loads(body)
    assert identity.startswith("spool_")
    assert at == AT
    acted = ["default", "token:x\ufffd[2J", "headers.release", "ok"]
    assert told == [*acted, "id", "orders\n", "https://a.example", "r", "ab", "words"]
    assert body.isascii()
    spool.close()


@pytest.mark.parametrize("bounds", [{"most_entries": 2}, {"most_bytes": 600}])
def test_N13_a_full_spool_takes_nothing_more(store: SqlStore, tmp_path: Path, bounds: dict[str, int]) -> None:
    spool = spool_of(store, tmp_path, **bounds)
    spool.keep("default", ACTOR, [released(0), released(1)])
    for entries in ([released(2)], [released(3)] * 2):
        with pytest.raises(StoreFault) as caught:
            spool.keep("default", ACTOR, entries)
        assert caught.value.code == "spool_full"
    assert spool.waiting == 2
    tell(store.backend, store.vault, spool)
    spool.keep("default", ACTOR, [released(2)])
    assert spool.waiting == 1
    spool.close()


def test_N13_what_cannot_be_written_is_not_taken(store: SqlStore, tmp_path: Path) -> None:
    nowhere = AuditSpool("", lambda tenant, value: bytes(32), lambda: AT)
    (tmp_path / "spool").write_text("a file where the folder would be")
    blocked = spool_of(store, tmp_path)
    keyless = AuditSpool(str(tmp_path / "other"), lambda tenant, value: None, lambda: AT)
    for spool, why in ((nowhere, "no folder"), (blocked, "Not a directory"), (keyless, "not in memory")):
        with pytest.raises(StoreFault, match=why) as caught:
            spool.keep("default", ACTOR, [released()])
        assert caught.value.code == "spool_unusable"
        assert spool.waiting == 0
        spool.close()


def test_K5_a_full_disk_takes_nothing_and_loses_nothing(store: SqlStore, tmp_path: Path) -> None:
    spool = spool_of(store, tmp_path)
    spool.keep("default", ACTOR, [released(0)])
    fail_at("spool.append.before_sync", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(StoreFault, match="No space left") as caught:
        spool.keep("default", ACTOR, [released(1)])
    assert caught.value.code == "spool_unusable"
    faults.install(None)
    spool.keep("default", ACTOR, [released(2)])
    assert tell(store.backend, store.vault, spool) == 0
    assert told(store) == ["orders-0", "orders-2"]
    spool.close()
