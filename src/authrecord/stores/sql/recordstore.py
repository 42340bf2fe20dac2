"""Records of one tenant: read, created, changed and deleted, each in one transaction, secrets sealed (rows L4 to L6).

A record's secrets are bound to everything that says where they may go. Who changes that in the database gets a
record that does not open, alone among all others; who changes it here seals them anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ...core.errors import RecordFault
from ...core.faults import fault
from ...documents import checked
from ...keeper.naming import token_key
from ...keeper.ports import Filter, Page, StoredRecord
from ...record import OAuth2, Record
from . import listing, secretrows, states, tenancy
from .audit import Entry
from .backend import Row, Transaction
from .config import Config, changed_fields, grant_of, put_together, taken_apart
from .tenancy import TenantStore, drop_tokens

_COLUMNS: Final = "id, name, revision, config, created_at, created_by, updated_at, updated_by"
_NAMES_AT_ONCE: Final = 500
_STATIC, _IDLE = "static", "idle"


class SqlRecords(TenantStore):
    """Implements `keeper.ports.RecordStore` for one tenant."""

    def read(self, name: str) -> StoredRecord:
        """The record of that name; see `RecordStore.read`."""
        with self.backend.reading() as transaction:
            return self._assembled(transaction, self._row(transaction, name))

    def create(self, record: Record) -> StoredRecord:
        """Save a new record; see `RecordStore.create`."""
        record = checked(record)
        config, identity = taken_apart(record), self._random(16).hex()
        with self.backend.writing() as transaction:
            now = transaction.now()
            self._insert(transaction, identity, record, config, now)
            set_at = secretrows.write(self, transaction, identity, config, 1, {}, now)
            self._tag(transaction, identity, record)
            self._note(transaction, self._told("record.create", identity, record))
            fault("records.create.before_commit")
        fault("records.create.after_commit")
        return StoredRecord(identity, 1, record, now, self.actor, now, self.actor, set_at)

    def update(
        self, name: str, record: Record, *, revision: int | None, carry_token: bool = False
    ) -> StoredRecord:
        """Save `record` in place of `name`; see `RecordStore.update`.

        A kept token goes on when nothing that it depends on has changed. One that may now travel elsewhere goes on
        only with `carry_token`: the caller has found that whoever changes it may do so.
        """
        record = checked(record)
        after = taken_apart(record)
        with self.backend.writing() as transaction:
            self._hold_claims(transaction, name)
            row = self._row(transaction, name, lock=self.backend.for_update)
            before = self._assembled(transaction, row)
            _refuse_stale(name, before.revision, revision)
            self._refuse_taken(transaction, name, record.name)
            now, config = transaction.now(), taken_apart(before.record)
            unchanged = secretrows.unchanged(transaction, self.tenant, before.identity, config, after)
            self._replace(transaction, before, record, after, now)
            set_at = secretrows.write(
                self, transaction, before.identity, after, before.revision + 1, unchanged, now
            )
            self._tag(transaction, before.identity, record)
            self._follow(transaction, before.record, record, carry_token=carry_token)
            told = ", ".join(changed_fields(config, after))
            self._note(transaction, self._told("record.update", before.identity, record, told))
            fault("records.update.before_commit")
        fault("records.update.after_commit")
        return StoredRecord(
            before.identity,
            before.revision + 1,
            record,
            before.created_at,
            before.created_by,
            now,
            self.actor,
            set_at,
        )

    def delete(self, name: str, *, revision: int | None = None) -> None:
        """Leave nothing readable of it; see `RecordStore.delete`. No seal is opened: a tampered one goes as well."""
        with self.backend.writing() as transaction:
            self._hold_claims(transaction, name)
            identity, _, current, *_ = self._row(transaction, name, lock=self.backend.for_update)
            _refuse_stale(name, current, revision)
            for table in ("secrets", "record_tags", "logins"):
                transaction.change(
                    f"DELETE FROM {table} WHERE tenant = ? AND record = ?",  # noqa: S608 - names written above
                    (self.tenant, identity),
                )
            transaction.change("DELETE FROM records WHERE tenant = ? AND id = ?", (self.tenant, identity))
            drop_tokens(transaction, self.tenant, name)
            self._note(transaction, Entry("record.delete", "ok", identity, name))
            fault("delete.before_commit")
        fault("delete.after_commit")
        self.backend.wipe()

    def page(self, wanted: Filter, *, after: str = "", limit: int = 100) -> Page:
        """Some lines of the list; see `RecordStore.page`."""
        with self.backend.reading() as transaction:
            return listing.page(transaction, self.tenant, wanted, after=after, limit=limit)

    def names(self) -> Iterator[str]:
        """All names, in order; see `RecordStore.names`."""
        after = ""
        while True:
            with self.backend.reading() as transaction:
                found = listing.names(transaction, self.tenant, after)
            yield from found
            if not found:
                return
            after = found[-1]

    def holds(self, name: str) -> bool:
        """Whether there is a record of that name."""
        with self.backend.reading() as transaction:
            return listing.has_name(transaction, self.tenant, name)

    def count(self) -> int:
        """How many records there are. Counts them: the one thing here that costs more with more records."""
        with self.backend.reading() as transaction:
            row = transaction.row("SELECT count(*) FROM records WHERE tenant = ?", (self.tenant,))
            return int(row[0]) if row is not None else 0

    def revision_of(self, name: str) -> tuple[str, int] | None:
        """Identity and revision of a record, without opening a seal."""
        with self.backend.reading() as transaction:
            row = transaction.row(
                "SELECT id, revision FROM records WHERE tenant = ? AND name = ?", (self.tenant, name)
            )
            return None if row is None else (str(row[0]), int(row[1]))

    def revisions_of(self, names: Iterable[str]) -> dict[str, tuple[str, int] | None]:
        """Identity and revision of each of `names`, in one transaction; `None` where there is no such record."""
        found: dict[str, tuple[str, int] | None] = dict.fromkeys(names)
        wanted = list(found)
        with self.backend.reading() as transaction:
            for begin in range(0, len(wanted), _NAMES_AT_ONCE):
                some = wanted[begin : begin + _NAMES_AT_ONCE]
                marks = ", ".join("?" * len(some))
                for name, identity, revision in transaction.rows(
                    f"SELECT name, id, revision FROM records WHERE tenant = ? AND name IN ({marks})",  # noqa: S608 - question marks
                    (self.tenant, *some),
                ):
                    found[str(name)] = (str(identity), int(revision))
        return found

    def _row(self, transaction: Transaction, name: str, *, lock: str = "") -> Row:
        row = transaction.row(
            f"SELECT {_COLUMNS} FROM records WHERE tenant = ? AND name = ?{lock}",  # noqa: S608 - put together of constants
            (self.tenant, name),
        )
        if row is None:
            raise RecordFault(
                f"the store holds no record {name[:100]!r}.", field="name", code="unknown_record"
            )
        return row

    def _assembled(self, transaction: Transaction, row: Row) -> StoredRecord:
        identity, name, revision, text, created_at, created_by, updated_at, updated_by = row
        secrets, set_at = secretrows.read(self, transaction, identity, text, revision, name)
        record = put_together(text, secrets, name)
        return StoredRecord(
            identity, revision, record, created_at, created_by, updated_at, updated_by, set_at
        )

    def _insert(
        self, transaction: Transaction, identity: str, record: Record, config: Config, now: float
    ) -> None:
        lookup = self._lookup(transaction, record)
        state, live_until, renew_at = states.of_kept_token(transaction, self.tenant, record.name, lookup)
        made = transaction.change(
            "INSERT INTO records (tenant, id, name, revision, auth_type, grant_type, config, tags, state, reason,"
            " live_until, renew_at, lookup, keep_by, keep_until, created_at, created_by, updated_at, updated_by)"
            " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, '', ?, ?, ?, '', 0, ?, ?, ?, ?)"
            " ON CONFLICT (tenant, name) DO NOTHING",
            (
                *(self.tenant, identity, record.name, record.auth.type, grant_of(record), config.text),
                *(listing.joined(record.tags), _STATIC if lookup is None else state),
                *(live_until, renew_at, lookup, now, self.actor, now, self.actor),
            ),
        )
        if not made:
            raise taken(record.name)

    def _replace(
        self, transaction: Transaction, before: StoredRecord, record: Record, config: Config, now: float
    ) -> None:
        transaction.change(
            "UPDATE records SET name = ?, revision = revision + 1, auth_type = ?, grant_type = ?, config = ?,"
            " tags = ?, lookup = ?, updated_at = ?, updated_by = ? WHERE tenant = ? AND id = ?",
            (
                *(record.name, record.auth.type, grant_of(record), config.text, listing.joined(record.tags)),
                *(self._lookup(transaction, record), now, self.actor, self.tenant, before.identity),
            ),
        )

    def _follow(self, transaction: Transaction, before: Record, after: Record, *, carry_token: bool) -> None:
        """What becomes of the kept token of a changed record."""
        old, new = token_key(before), token_key(after)
        if old == new:
            return
        may_go_on = old.binding == new.binding or carry_token
        if may_go_on and tenancy.carry_token(transaction, self.vault, self.tenant, old, new):
            return
        drop_tokens(transaction, self.tenant, old.name)
        transaction.notify(self._place(transaction, old).topic())
        state = _IDLE if isinstance(after.auth, OAuth2) else _STATIC
        states.reset(transaction, self.tenant, after.name, state)

    def _lookup(self, transaction: Transaction, record: Record) -> bytes | None:
        if not isinstance(record.auth, OAuth2):
            return None
        return self._place(transaction, token_key(record)).lookup

    def _hold_claims(self, transaction: Transaction, name: str) -> None:
        """Lock the record's claims before its row, as a renewal that settles does: two orders would be a deadlock."""
        transaction.rows(
            f"SELECT 1 FROM claims WHERE tenant = ? AND name = ?{self.backend.for_update}",  # noqa: S608 - put together of constants
            (self.tenant, name),
        )

    def _refuse_taken(self, transaction: Transaction, name: str, new_name: str) -> None:
        if new_name != name and listing.has_name(transaction, self.tenant, new_name):
            raise taken(new_name)

    def _tag(self, transaction: Transaction, identity: str, record: Record) -> None:
        transaction.change("DELETE FROM record_tags WHERE tenant = ? AND record = ?", (self.tenant, identity))
        transaction.change_many(
            "INSERT INTO record_tags (tenant, tag, name, record) VALUES (?, ?, ?, ?)",
            [(self.tenant, tag, record.name, identity) for tag in dict.fromkeys(record.tags)],
        )

    def _told(self, action: str, identity: str, record: Record, detail: str = "") -> Entry:
        return Entry(
            action, "ok", identity, record.name, origin=" ".join(record.allowed_origins), detail=detail
        )


def taken(name: str) -> RecordFault:
    """The fault of a name that another record has."""
    return RecordFault(
        f"the store already holds a record {name!r}.",
        field="name",
        hint="Choose another name, or change that one.",
        code="exists",
    )


def _refuse_stale(name: str, current: int, expected: int | None) -> None:
    if expected is not None and expected != current:
        raise RecordFault(
            f"record {name!r} was changed meanwhile: it has revision {current}, your change is of {expected}.",
            hint="Read it again, and change that.",
            code="stale",
        )
