"""A database that fails one transaction in five: before its effect, in the middle, or when the effect is there.

`FlakyBackend` does it to any backend. `Patient` is a store's caller who tries again, as the keeper and the command
line do, and who looks what became of a write whose outcome it was not told.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

from authrecord.core.errors import RecordFault, TryLater
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.ports import Claim, Failure, StoredRecord, TokenKey
from authrecord.record import Record
from authrecord.stores.sql.backend import Backend, Transaction

T = TypeVar("T")

PART: Final = 0.2
"""The part of the transactions that fail."""

MOST_TRIES: Final = 40
"""More failures than this in a row are no bad luck: 0.2 to the power of 40."""


class Injected(TryLater):
    """The failure. It is what a backend raises when its database is away."""

    def __init__(self, fate: str) -> None:
        super().__init__(f"the database went away ({fate}).", code="store_away")


class FlakyBackend:
    """`backend`, which fails `part` of its transactions, from `begin` on. `met` counts how each failure went."""

    def __init__(self, backend: Backend, randomness: random.Random, part: float = PART) -> None:
        self.kind = backend.kind
        self.part = 0.0
        self._part_later = part
        self.met: Counter[str] = Counter()
        self._backend = backend
        self._random = randomness
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def begin(self) -> None:
        """Begin to fail."""
        self.part = self._part_later

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """See `Backend.reading`."""
        fate = self._fate("before", "during")
        self._meet(fate, "before")
        with self._backend.reading() as transaction:
            yield _hit(transaction, lambda: self._meet(fate, "during"))

    @contextmanager
    def writing(self, *, seconds: float = 0.0, on_disk: bool = True) -> Iterator[Transaction]:
        """See `Backend.writing`."""
        fate = self._fate("before", "during", "commit", "after")
        self._meet(fate, "before")
        with self._backend.writing(seconds=seconds, on_disk=on_disk) as transaction:
            yield _hit(transaction, lambda: self._meet(fate, "during"))
            self._meet(fate, "commit")  # raised inside: everything is rolled back
        self._meet(fate, "after")  # everything is there, and nobody was told

    def _fate(self, *fates: str) -> str:
        with self._lock:
            return self._random.choice(fates) if self._random.random() < self.part else ""

    def _meet(self, fate: str, now: str) -> None:
        if fate == now:
            with self._lock:
                self.met[fate] += 1
            raise Injected(fate)


def _hit(transaction: Transaction, meet: Callable[[], None]) -> Transaction:
    """`transaction`, whose second statement may fail."""
    return cast("Transaction", _Transaction(transaction, meet))


class _Transaction:
    """Counts statements; what else a transaction can do is its own."""

    def __init__(self, transaction: Transaction, meet: Callable[[], None]) -> None:
        self._transaction = transaction
        self._meet = meet
        self._statements = 0

    def __getattr__(self, name: str) -> Any:
        if name in {"rows", "row", "change", "change_many"}:
            self._statements += 1
            if self._statements == 2:
                self._meet()
        return getattr(self._transaction, name)


class Patient:
    """Calls `store` again until its database is there. Everything that is not named here is the store's own."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found
        return lambda *values, **named: again(lambda: found(*values, **named))[0]

    def names(self) -> list[str]:
        """All names; from the beginning again when the database went away on the way."""
        return again(lambda: list(self._store.names()))[0]

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """A claim; one that was made and not told of is given back by the store itself."""
        claim: Claim = again(lambda: self._store.claim(key, seconds=seconds, patience=patience))[0]
        return claim

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """The token as saved: it may have been saved by the try that failed."""
        saved: Token | None
        saved, tries = again(lambda: self._store.settle(claim, token))
        if saved is None and tries > 1:
            stored: Token | None = again(lambda: self._store.load(claim.key))[0]
            if stored is not None and stored.is_same(token):
                return stored
        return saved

    def create(self, record: Record) -> StoredRecord:
        """The record as saved."""
        return self._written(lambda: self._store.create(record), record, "exists")

    def update(self, name: str, record: Record, *, revision: int | None) -> StoredRecord:
        """The record as saved."""
        return self._written(
            lambda: self._store.update(name, record, revision=revision), record, "stale", "unknown_record"
        )

    def delete(self, name: str, *, revision: int | None = None) -> None:
        """The record is gone, perhaps since the try before."""
        tries = 0

        def delete() -> None:
            nonlocal tries
            tries += 1
            self._store.delete(name, revision=revision)

        try:
            again(delete)
        except RecordFault as fault:
            if fault.code != "unknown_record" or tries == 1:
                raise

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Told again until it is heard."""
        again(lambda: self._store.fail(claim, failure))

    def intend(self, claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        """Written down, perhaps by the try before."""
        return bool(again(lambda: self._store.intend(claim, refresh_token, seconds=seconds))[0])

    def _written(self, write: Callable[[], StoredRecord], record: Record, *refusals: str) -> StoredRecord:
        tries = 0

        def counted() -> StoredRecord:
            nonlocal tries
            tries += 1
            if tries > 1 and self._store.holds(record.name):
                # Without a revision a second write would succeed as well, and count twice.
                stored: StoredRecord = self._store.read(record.name)
                if stored.record == record:
                    return stored
            return write()

        try:
            return again(counted)[0]
        except RecordFault as fault:
            if fault.code not in refusals or tries == 1:
                raise
            stored: StoredRecord = again(lambda: self._store.read(record.name))[0]
            if stored.record != record:
                raise
            return stored


def again(call: Callable[[], T]) -> tuple[T, int]:
    """What `call` gives once its database is there, and the number of tries."""
    for tries in range(1, MOST_TRIES):
        try:
            return call(), tries
        except Injected:
            continue
    return call(), MOST_TRIES
