"""What the children of the crash harness do: each is a way in which the store is written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from authrecord.clients.sender import TokenSender
from authrecord.core.secret import Reference, Secret
from authrecord.core.token import Token
from authrecord.documents import read_file
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.naming import token_key
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer
from authrecord.signing import sign
from authrecord.stores.keys import open_kek
from authrecord.stores.references import resolver
from authrecord.stores.sql import keeping, kek_rotation, rotation, tenants
from authrecord.stores.sql.backup import back_up, restore
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.pending_logins import PendingLogins, WaitingRow
from authrecord.stores.sql.postgres_connection import STATEMENT_SECONDS
from authrecord.stores.sql.restored import confirm
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.uses import Uses
from tests.race.opening import open_backend, open_tokens
from tests.race.shortening import deadline, shorten

from . import spooled
from .actions import Case
from .deeds_of_people import (
    change_people,
    come_in_by_invitation,
    count_a_failure,
    repeat_a_request,
    use_api_tokens,
    use_sessions,
)

CLAIM_SECONDS: Final = 5.0
FRESH: Final = "CRASH_FRESH_PAIR"
"""The variable that holds a pair of a new login."""


@dataclass(frozen=True)
class Opened:
    """A store in use, and its record."""

    store: SqlStore
    keeper: Keeper
    record: Record


@contextmanager
def opened(case: Case) -> Iterator[Opened]:
    """The store of `case` as a program has it."""
    shorten(CLAIM_SECONDS)
    # Half of the program's own patience with a database, unless nothing will happen to it.
    patience = STATEMENT_SECONDS / 2 if case.get("action") == "gone" else STATEMENT_SECONDS
    store = open_tokens(case["store"], case["key"], time, seconds=patience)
    keeper = Keeper(
        store,
        send=TokenSender(clock=time, deadline=deadline(CLAIM_SECONDS)),
        resolve=resolver(os.environ, base=Path(case["folder"]), allow_commands=False),
        sign=sign,
        pause=lambda seconds: time.sleep(seconds / 10),
    )
    try:
        yield Opened(store, keeper, read_file(case["document"])[0])
    finally:
        keeper.close()


def begin(case: Case) -> None:
    """The first program that ever opens the store: tables and keys are made."""
    open_tokens(case["store"], case["key"], time).close()


def renew(case: Case) -> None:
    """The stored token has run out, and the provider is well."""
    with opened(case) as found:
        found.keeper.token(found.record)


def log_in(case: Case) -> None:
    """A person has just logged in: the pair is in the environment."""
    access, refresh = os.environ[FRESH].split(" ")
    with opened(case) as found:
        token = Token(
            access_token=Secret(access), refresh_token=Secret(refresh), obtained_at=time.time(), life=1000.0
        )
        found.keeper.adopt(found.record, token)


def forget(case: Case) -> None:
    """The record's tokens are dropped."""
    with opened(case) as found:
        found.keeper.forget(found.record)


def fail(case: Case) -> None:
    """The provider refuses the client: the claim is given back, and everybody is told why."""
    renew(case)


def remember(case: Case) -> None:
    """An entry for the quick path is written."""
    with opened(case) as found:
        found.store.remember(b"index", token_key(found.record))


def make_backup(case: Case) -> None:
    """A copy of the store is written beside it."""
    backend = open_backend(case["store"], time)
    try:
        back_up(backend, case["folder"] + "/copy.backup")
    finally:
        backend.close()


def restore_backup(case: Case) -> None:
    """A copy that was made before takes the place of what is in the store."""
    backend = open_backend(case["store"], time)
    try:
        restore(backend, case["folder"] + "/made.backup", replace=True)
    finally:
        backend.close()


def create(case: Case) -> None:
    """A new record is saved."""
    with opened(case) as found:
        found.store.create(BILLING)


def update(case: Case) -> None:
    """A record gets another destination: its secret is sealed anew."""
    with opened(case) as found:
        shelf = found.store.read("shelf").record
        found.store.update("shelf", moved(shelf), revision=None)


def delete(case: Case) -> None:
    """A record is deleted."""
    with opened(case) as found:
        found.store.delete("shelf")


def operator_of(store: SqlStore) -> Operator:
    """Whoever changes the keys of the store."""
    return Operator(store.backend, store.vault, store.tenant, "crash")


def rotate_keys(case: Case) -> None:
    """Everything is sealed under a new key; then the old one is destroyed."""
    with opened(case) as found:
        old = rotation.rotate(operator_of(found.store)).version - 1
        rotation.destroy(operator_of(found.store), old, settled=0.0)


def rotate_kek(case: Case) -> None:
    """The tenants' keys are wrapped by a new key as well."""
    with opened(case) as found:
        new = open_kek(f"file:{case['folder']}/new.key", environment={}, random=os.urandom)
        kek_rotation.rotate_kek(operator_of(found.store), new)


def change_tenants(case: Case) -> None:
    """A tenant is made, and destroyed."""
    with opened(case) as found:
        tenants.create_tenant(operator_of(found.store), "acme")
        tenants.destroy_tenant(operator_of(found.store), "acme")


def give_back(case: Case) -> None:
    """A claim is made and given back: another one has renewed meanwhile."""
    with opened(case) as found:
        found.store.release(found.store.claim(token_key(found.record), seconds=CLAIM_SECONDS, patience=1.0))


def carry(case: Case) -> None:
    """The token goes on for a record whose destination was changed in its document."""
    with opened(case) as found:
        key = token_key(found.record)
        found.store.carry(key, replace(key, binding="f" * 64))
        found.store.carry(replace(key, binding="f" * 64), key)


def confirm_copy(case: Case) -> None:
    """A copy takes the place of the store, and somebody says that the other one is gone."""
    restore_backup(case)
    with opened(case) as found:
        confirm(found.store.backend, found.store.vault, found.store.tenant, "crash")


def take_due(case: Case) -> None:
    """A background worker takes what is due."""
    with opened(case) as found:
        keeping.take_due(found.store, worker="crash", limit=10)


def wait_for_a_person(case: Case) -> None:
    """A login at the page waits, and is ended."""
    with opened(case) as found:
        logins = PendingLogins(found.store.backend, found.store.vault)
        row = WaitingRow("session", "login", "record", b"what was written down")
        logins.keep(found.store.tenant, row, seconds=600.0)
        assert logins.find(found.store.tenant, "session", "login") == row
        assert logins.take(found.store.tenant, "session", "login")


def note_a_use(case: Case) -> None:
    """When a record was used last is written down."""
    with opened(case) as found:
        Uses(found.store).write({"shelf"})


def tell_late(case: Case) -> None:
    """What was handed out while the database was away is told."""
    with opened(case) as found:
        spooled.keep_and_tell(found.store, case)


BILLING: Final = Record(
    name="billing",
    allowed_origins=("https://billing.example.com",),
    auth=Bearer(token=Reference("env", "BILLING_TOKEN")),
)


def moved(record: Record) -> Record:
    """The record with another destination."""
    return replace(record, allowed_origins=("https://moved.example.com",))


DEEDS: Final[Mapping[str, Callable[[Any], None]]] = {
    deed.__name__: deed
    for deed in (
        begin,
        renew,
        log_in,
        forget,
        fail,
        remember,
        make_backup,
        restore_backup,
        create,
        update,
        delete,
        rotate_keys,
        rotate_kek,
        change_tenants,
        give_back,
        carry,
        confirm_copy,
        take_due,
        change_people,
        use_sessions,
        use_api_tokens,
        repeat_a_request,
        count_a_failure,
        come_in_by_invitation,
        wait_for_a_person,
        note_a_use,
        tell_late,
    )
}
