"""Changes the KEK: a second set of wrapped keys, both valid until `finish`. Nothing that is sealed is touched.

Each step is one transaction, so that whoever is killed leaves the step before or the step after (attack row L9).
While both sets are there, a program with either KEK reads and writes; no new keys are made, since they would be in
one set only. A program that still has the old KEK after `finish` goes on with the keys that it holds, until it meets
one that it does not: start it again before then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...core.errors import StoreFault
from ...core.faults import fault
from ..sealing import DoesNotOpen
from .backend import Row, Transaction
from .bindings import key_check_place, wrapped_key_place
from .operator import Operator
from .tenants import insert_kek
from .vault import KEY_CHECK

if TYPE_CHECKING:
    from ..kek import Kek

TRIES: Final = 5
"""How often it looks again when tenants are made or keys rotated at the same moment."""

_KEYS: Final = (
    "SELECT tenant, purpose, version, wrapped, state, created_at, changed_at FROM tenant_keys WHERE kek = ?"
)


def rotate_kek(operator: Operator, new: Kek) -> int:
    """Wrap every tenant's keys by `new` too; how many there are. A second time it changes nothing.

    Raises `StoreFault`: `same_key`, `kek_rotation` when one to a third key is not finished, `wrong_key`, `tampered`;
    and whatever a KEK raises.
    """
    old = operator.vault.kek
    operator.vault.check(operator.backend)
    if new.identity == old.identity:
        raise StoreFault(
            f"the key in {new.source} is the one that the store has already.",
            hint="Name the source of a new key.",
            code="same_key",
        )
    key_check = new.wrap(KEY_CHECK, key_check_place(new.identity))
    for _ in range(TRIES):
        with operator.backend.reading() as transaction:
            rows = transaction.rows(_KEYS, (old.identity,))
        again = [_wrapped_again(row, old, new) for row in rows]
        with operator.backend.writing() as transaction:
            others = _other_keks(transaction, old.identity)
            if others and others != [new.identity]:
                raise StoreFault(
                    "an earlier change of the key is not finished.",
                    hint="Finish it first: authrecord keys finish",
                    code="kek_rotation",
                )
            complete = _same_keys(rows, transaction.rows(_KEYS, (old.identity,)))
            if complete and not others:
                insert_kek(transaction, new, key_check)
                _insert(transaction, new, again)
                operator.tell(transaction, "keys.rotate-kek", f"to {new.source}")
            fault("keys.rotate_kek.before_commit")
        fault("keys.rotate_kek.after_commit")
        if complete:
            return len(rows)
    raise StoreFault(
        "the store's keys changed again and again meanwhile.", hint="Try again.", code="kek_rotation"
    )


def finish(operator: Operator, *, keep_old: bool = False) -> int:
    """Keep the KEK of `operator` alone, and forget the other; how many wrapped keys went with it.

    It must be the newer one; with `keep_old` the older one, which takes the rotation back. Raises `StoreFault`:
    `old_key` or `new_key` when it is not, `wrong_key`, `kek_rotation` when its set is not whole.
    """
    mine = operator.vault.kek.identity
    operator.vault.check(operator.backend)
    with operator.backend.writing() as transaction:
        others = _other_keks(transaction, mine)
        if not others:
            return 0
        _refuse_the_wrong_one(transaction, mine, keep_old=keep_old)
        missing = transaction.row(
            "SELECT count(*) FROM tenant_keys AS theirs WHERE kek <> ? AND NOT EXISTS (SELECT 1 FROM tenant_keys"
            " AS ours WHERE ours.tenant = theirs.tenant AND ours.purpose = theirs.purpose"
            " AND ours.version = theirs.version AND ours.kek = ?)",
            (mine, mine),
        )
        if missing is None or missing[0]:
            raise StoreFault(
                "not every key is wrapped by the new key.",
                hint="Run `authrecord keys rotate-kek` once more, with the old key.",
                code="kek_rotation",
            )
        gone = transaction.change("DELETE FROM tenant_keys WHERE kek <> ?", (mine,))
        transaction.change("DELETE FROM keks WHERE id <> ?", (mine,))
        operator.tell(transaction, "keys.finish", f"only {operator.vault.kek.source} is left")
        fault("keys.finish.before_commit")
    fault("keys.finish.after_commit")
    return gone


def _wrapped_again(row: Row, old: Kek, new: Kek) -> tuple[Row, bytes]:
    tenant, purpose, version, wrapped = row[:4]
    try:
        key = old.unwrap(wrapped, wrapped_key_place(tenant, purpose, version, old.identity))
    except DoesNotOpen:
        raise StoreFault(
            f"the key {version} ({purpose}) of tenant {tenant!r} does not open: its row was changed or moved.",
            hint="Bring the table tenant_keys back from a backup; nothing was changed.",
            code="tampered",
        ) from None
    return row, new.wrap(key, wrapped_key_place(tenant, purpose, version, new.identity))


def _insert(transaction: Transaction, kek: Kek, again: list[tuple[Row, bytes]]) -> None:
    transaction.change_many(
        "INSERT INTO tenant_keys (tenant, purpose, version, kek, wrapped, state, created_at, changed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*row[:3], kek.identity, wrapped, *row[4:]) for row, wrapped in again],
    )


def _same_keys(some: list[Row], others: list[Row]) -> bool:
    """Whether these are the same keys in the same states: none was made, retired or destroyed meanwhile."""
    return {(*row[:3], row[4]) for row in some} == {(*row[:3], row[4]) for row in others}


def _other_keks(transaction: Transaction, mine: str) -> list[str]:
    """The other KEKs' identities. Holds all rows of `keks` until the end, so that nobody makes keys meanwhile."""
    transaction.change("UPDATE keks SET source = source")
    return [row[0] for row in transaction.rows("SELECT id FROM keks WHERE id <> ? ORDER BY id", (mine,))]


def _refuse_the_wrong_one(transaction: Transaction, mine: str, *, keep_old: bool) -> None:
    rows = transaction.rows("SELECT id, source FROM keks ORDER BY created_at, id")
    is_newest = rows[-1][0] == mine
    if is_newest and keep_old:
        raise StoreFault(
            "the key that is set is the new one.", hint="Set the old one to go back to it.", code="new_key"
        )
    if not is_newest and not keep_old:
        raise StoreFault(
            "the key that is set is still the old one.",
            hint=f"Set AUTHRECORD_KEY, or `key` in settings.toml, to {rows[-1][1]}, and start programs that run again.",
            code="old_key",
        )
