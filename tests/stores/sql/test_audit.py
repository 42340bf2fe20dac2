"""The audit log: what it takes, and what a check of its chain finds."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import pytest

from authrecord.core.errors import RecordFault, StoreFault
from authrecord.core.secret import Secret
from authrecord.keeper.observing import AUDIT_NOT_WRITTEN, Unobserved, notice_unwritten
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.audit import MOST_CHARACTERS, Entry, append
from authrecord.stores.sql.audit_listing import Unreadable, Wanted, lines
from authrecord.stores.sql.audit_verifying import MOST_BREAKS, Verified, verify
from authrecord.stores.sql.backend import Backend, Row, Value
from authrecord.stores.sql.checkpoints import Checkpoint, checkpoint, read_checkpoints
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.tenants import create_tenant, initialise
from authrecord.stores.sql.vault import Vault
from tests.canary_watch import Canary


class Log:
    """One database with a log in it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.vault = Vault(LocalKek(SealingKey(os.urandom(32)), "env:KEY", os.urandom), os.urandom)
        initialise(backend, self.vault)
        for name in ("operators", "other", "third"):  # told in the log of the first
            create_tenant(Operator(backend, self.vault, "operators", "cli:ada@host"), name)

    def tell(self, *entries: Entry, tenant: str = "default", actor: str = "cli:ada@host") -> list[int]:
        with self.backend.writing() as transaction:
            return [append(transaction, self.vault, tenant, actor, one) for one in entries]

    def tell_five(self, tenant: str = "default") -> None:
        self.tell(*(Entry("record.update", "ok", name=f"orders-{one}") for one in range(5)), tenant=tenant)

    def tamper(self, statement: str, *values: Value) -> None:
        with self.backend.writing() as transaction:
            transaction.change(statement, values)

    def row(self, statement: str) -> Row | None:
        with self.backend.reading() as transaction:
            return transaction.row(statement)

    def verify(self, *checkpoints: Checkpoint, tenant: str = "default") -> Verified:
        with self.backend.reading() as transaction:
            return verify(transaction, self.vault, tenant, checkpoints)

    def checkpoint(self, tenant: str = "default") -> Checkpoint:
        with self.backend.reading() as transaction:
            return checkpoint(transaction, self.vault, tenant)

    def numbers(self, *checkpoints: Checkpoint) -> list[int]:
        return [one.seq for one in self.verify(*checkpoints).breaks]

    def list(self, **wanted: Any) -> list[int]:
        with self.backend.reading() as transaction:
            return [one.seq for one in lines(transaction, "default", Wanted(**wanted))]


@pytest.fixture
def log(backend: Backend) -> Log:
    return Log(backend)


def test_rows_are_numbered_without_gaps_and_each_tenant_has_a_chain_of_its_own(log: Log) -> None:
    assert log.tell(Entry("record.create", "ok"), Entry("record.delete", "ok")) == [1, 2]
    assert log.tell(Entry("record.create", "ok"), tenant="other") == [1]
    for tenant, rows in (("default", 2), ("other", 1), ("third", 0)):
        found = log.verify(tenant=tenant)
        assert (found.holds, found.rows, found.seq) == (True, rows, rows)


def test_a_transaction_that_is_rolled_back_leaves_no_row_and_no_gap(log: Log) -> None:
    def half_done() -> None:
        with log.backend.writing() as transaction:
            append(transaction, log.vault, "default", "cli:ada", Entry("record.create", "ok"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert log.tell(Entry("record.create", "ok")) == [1]
    assert log.verify().holds


def test_N13_what_cannot_be_told_does_not_happen(log: Log) -> None:
    """The row and what it tells of are one transaction: where the log cannot be written, no change is made."""
    log.tamper("ALTER TABLE audit RENAME TO gone")

    def change() -> None:
        with log.backend.writing() as transaction:
            transaction.change("UPDATE tenants SET label = 'changed'")
            append(transaction, log.vault, "default", "cli:ada", Entry("tenant.update", "ok"))

    with pytest.raises(StoreFault):
        change()
    assert log.row("SELECT count(*) FROM tenants WHERE label = 'changed'") == (0,)


EDITS: dict[str, Value] = {
    "actor": "cli:eve@host",
    "at": 1.5,
    "action": "record.read",
    "outcome": "refused",
    "record": "x",
    "name": "other",
    "origin": "https://evil.example",
    "request": "r1",
    "fingerprint": "aa",
    "detail": "nothing",
    "hash": bytes(32),
}


def test_N14_an_edited_row_is_found_whatever_was_edited(log: Log) -> None:
    log.tell_five()
    for column, value in {**EDITS, "action ": "No Word", "hash ": b""}.items():
        kept = log.row(f"SELECT {column} FROM audit WHERE tenant = 'default' AND seq = 3")
        assert kept is not None
        log.tamper(f"UPDATE audit SET {column} = ? WHERE tenant = 'default' AND seq = 3", value)
        assert log.numbers() == [3], column
        log.tamper(f"UPDATE audit SET {column} = ? WHERE tenant = 'default' AND seq = 3", kept[0])
        assert log.verify().holds


def test_N14_an_edited_link_to_the_row_before_is_found(log: Log) -> None:
    log.tell_five()
    log.tamper("UPDATE audit SET previous = ? WHERE seq = 3", bytes(32))
    assert log.numbers() == [3]


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_N14_a_deleted_row_is_found(log: Log, seq: int) -> None:
    log.tell_five()
    log.tamper(f"DELETE FROM audit WHERE seq = {seq}")
    found = log.verify()
    assert [one.seq for one in found.breaks] == [seq]
    assert f"row {seq} is missing" in found.breaks[0].why


def test_N14_rows_that_changed_places_are_found(log: Log) -> None:
    log.tell_five()
    for old, new in ((2, 99), (3, 2), (99, 3)):
        log.tamper(f"UPDATE audit SET seq = {new} WHERE seq = {old}")
    assert log.numbers() == [2, 3]


def test_N14_a_row_that_was_put_in_is_found(log: Log) -> None:
    """A copy of a genuine row, of this tenant or of another one, fits nowhere else."""
    log.tell_five()
    log.tell_five("other")
    columns = "at, actor, action, record, name, origin, outcome, request, fingerprint, detail, previous, hash"
    for tenant in ("default", "other"):
        log.tamper(
            f"INSERT INTO audit (tenant, seq, {columns}) "
            f"SELECT 'default', 6, {columns} FROM audit WHERE tenant = '{tenant}' AND seq = 2"
        )
        assert log.numbers() == [6, 6], "its hash does not fit, and the log's recorded end is before it"
        log.tamper("DELETE FROM audit WHERE tenant = 'default' AND seq = 6")
    log.tamper(
        f"INSERT INTO audit (tenant, seq, {columns}) SELECT 'default', 0, {columns} FROM audit LIMIT 1"
    )
    assert 0 in log.numbers()


def cut_the_tail(log: Log) -> None:
    """What somebody does who wants the last two rows forgotten and knows how the tables work."""
    log.tamper("DELETE FROM audit WHERE tenant = 'default' AND seq > 3")
    log.tamper(
        "UPDATE audit_heads SET seq = 3, hash = (SELECT hash FROM audit WHERE tenant = 'default' AND seq = 3)"
        " WHERE tenant = 'default'"
    )


def test_N14_a_tail_that_was_cut_off_is_found_against_a_checkpoint_only(log: Log) -> None:
    log.tell_five()
    seen = log.checkpoint()
    cut_the_tail(log)
    assert log.verify().holds, "without a copy outside nothing can be seen: the documentation says so"
    found = log.verify(seen)
    assert [one.seq for one in found.breaks] == [4]
    assert "were cut off" in found.breaks[0].why


def test_N14_a_log_that_was_replaced_is_found_against_a_checkpoint_only(log: Log) -> None:
    """Back to an older state, and on from there: every hash is genuine."""
    log.tell_five()
    seen = log.checkpoint()
    cut_the_tail(log)
    log.tell_five()
    assert log.verify().holds
    assert log.numbers(seen) == [5]
    assert "replaced" in log.verify(seen).breaks[0].why


def test_N14_a_checkpoint_of_a_log_that_goes_on_holds(log: Log) -> None:
    first = log.checkpoint()
    log.tell_five()
    second = log.checkpoint()
    log.tell_five()
    found = log.verify(first, second, second)
    assert (found.holds, found.checkpoints, found.seq) == (True, 3, 10)


def test_N14_a_forged_checkpoint_is_told_and_hides_no_genuine_one(log: Log) -> None:
    log.tell_five()
    genuine = log.checkpoint()
    forged = dataclasses.replace(genuine, seq=7)
    cut_the_tail(log)
    whys = [one.why for one in log.verify(genuine, forged).breaks]
    assert ["not genuine" in one for one in whys] == [True, False]


def test_N14_a_checkpoint_of_another_tenant_does_not_count(log: Log) -> None:
    log.tell_five("other")
    assert log.verify(log.checkpoint("other")).checkpoints == 0


def test_a_long_log_is_read_in_pieces_and_many_faults_are_cut(log: Log) -> None:
    log.tell(*(Entry("token.renew", "ok") for _ in range(2001)))
    assert (log.verify().rows, log.verify().holds) == (2001, True)
    log.tamper("UPDATE audit SET actor = 'eve'")
    assert len(log.verify().breaks) == MOST_BREAKS


@pytest.mark.parametrize("field", [one.name for one in dataclasses.fields(Entry)])
def test_N15_nothing_but_text_gets_into_an_entry(canary: Canary, field: str) -> None:
    """Bytes, bodies and secrets are refused, and the refusal does not repeat them."""
    secret = canary("token")
    values: tuple[Any, ...] = (secret.encode(), Secret(secret), {"token": secret}, [secret], 7, None)
    for value in values:
        with pytest.raises(TypeError) as refused:
            dataclasses.replace(Entry("token.renew", "ok"), **{field: value})
        canary.scan(str(refused.value), "the refusal")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "Record Update"),
        ("action", ""),
        ("outcome", "ok\n"),
        ("record", "a/b"),
        ("record", "a" * 65),
        ("origin", "https://user:word@api.example.com"),
        ("origin", "https://api.example.com/path?token=x"),
        ("origin", "api.example.com"),
        ("fingerprint", "not-hexadecimal"),
        ("fingerprint", "a" * 65),
    ],
)
def test_N15_each_field_has_a_shape_that_a_value_does_not_have(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} of an audit entry"):
        dataclasses.replace(Entry("token.renew", "ok"), **{field: value})


def test_N15_several_origins_and_a_port_are_origins() -> None:
    entry = Entry("record.create", "ok", origin="https://*.example.com http://127.0.0.1:8400")
    assert entry.origin.count("http") == 2


HOSTILE = 'x\r\n{"seq": 9}\x1b[31m\x00\u2028\ud800","action":"record.delete'


def test_N16_line_breaks_escape_sequences_and_quotation_marks_break_nothing(log: Log) -> None:
    log.tell(Entry("record.read", "unknown", name=HOSTILE, request=HOSTILE, detail=HOSTILE), actor=HOSTILE)
    row = log.row("SELECT actor, name, request, detail FROM audit WHERE tenant = 'default'")
    assert row is not None
    for text in row:
        assert text.isprintable()
        assert '"action":"record.delete' in text, "what is harmless stays"
    assert log.verify().holds
    line = dataclasses.replace(log.checkpoint(), tenant=HOSTILE).line()
    assert line.isascii()
    assert line.isprintable()


def test_N16_no_two_rows_are_the_same_to_the_hash(log: Log) -> None:
    """A text that looks like the border between two fields is not that border."""
    log.tell(
        Entry("record.read", "ok", name='a","b', detail="c"),
        Entry("record.read", "ok", name="a", detail='b","c'),
    )
    log.tamper("UPDATE audit SET name = 'a', detail = ? WHERE seq = 1", 'b","c')
    assert log.numbers() == [1]


def test_N16_a_long_text_is_cut(log: Log) -> None:
    log.tell(Entry("record.read", "ok", name="n" * 100_000))
    assert log.row("SELECT length(name) FROM audit WHERE tenant = 'default'") == (MOST_CHARACTERS,)
    assert log.verify().holds


def test_a_checkpoint_comes_back_from_a_file_with_other_lines(log: Log) -> None:
    log.tell_five()
    seen = log.checkpoint()
    lines = ["", "not ours", "2026-01-01T00:00:00Z host " + seen.line(), '{"other": 1}']
    assert list(read_checkpoints(lines, "log.txt")) == [seen]


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "5"},
        {"hash": "zz"},
        {"hash": 5},
        {"at": "x"},
        {"signature": None},
        {"authrecord_checkpoint": 2},
    ],
)
def test_a_checkpoint_that_cannot_be_read_is_refused_with_its_line(
    log: Log, change: dict[str, object]
) -> None:
    told = {**json.loads(log.checkpoint().line()), **change}
    with pytest.raises(RecordFault, match=r"^log\.txt, line 2: "):
        list(read_checkpoints(["", json.dumps(told)], "log.txt"))


def test_the_list_takes_what_fits_all_that_is_asked_for(log: Log) -> None:
    with log.backend.writing() as transaction:
        for number in range(1, 8):
            entry = Entry(
                "record.update" if number % 2 else "record.delete",
                "ok" if number < 6 else "refused",
                record=f"id{number}",
                name=f"orders-{number % 3}",
            )
            append(transaction, log.vault, "default", "cli:ada@host" if number < 4 else "keep:host", entry)
            transaction.change(
                "UPDATE audit SET at = ? WHERE tenant = 'default' AND seq = ?", (number, number)
            )
    assert log.list() == [1, 2, 3, 4, 5, 6, 7]
    assert log.list(name="orders-1") == [1, 4, 7]
    assert log.list(name="id4") == [4]
    assert log.list(action="record.delete") == [2, 4, 6]
    assert log.list(action="record") == [1, 2, 3, 4, 5, 6, 7]
    assert log.list(action="rec") == []
    assert log.list(actor="keep:", outcome="ok") == [4, 5]
    assert log.list(since=3.0, until=6.0) == [3, 4, 5]
    assert log.list(last=2) == [6, 7]
    assert log.list(last=2, name="orders-1") == [4, 7]
    assert log.list(last=100) == log.list()
    assert log.list(name="%") == []


def test_the_list_is_read_in_pieces_and_shows_a_row_that_nobody_can_have_written(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authrecord.stores.sql.audit_listing.BATCH", 2)
    log.tell_five()
    log.tamper("UPDATE audit SET action = 'No Word' WHERE seq = 4")
    assert log.list() == [1, 2, 3, 4, 5]
    with log.backend.reading() as transaction:
        assert Unreadable(4) in list(lines(transaction, "default", Wanted()))


def test_N13_an_error_that_the_log_caused_says_so_to_whoever_counts(log: Log) -> None:
    class Counting(Unobserved):
        def __init__(self) -> None:
            self.events: list[str] = []

        def noticed(self, event: str) -> None:
            self.events.append(event)

    observer = Counting()
    log.tamper("ALTER TABLE audit RENAME TO gone")
    with pytest.raises(StoreFault) as refused:
        log.tell(Entry("record.create", "ok"))
    notice_unwritten(observer, refused.value)
    notice_unwritten(observer, StoreFault("another fault."))
    assert observer.events == [AUDIT_NOT_WRITTEN]
