"""Opens a store: the key first, then the database, then the tables; what does not fit is refused before a write.

The embedded store is made at its first use, its key with it. A store that several share is made on purpose, by
`authrecord keys init`: a mistyped address must not become a second, empty store.
"""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...core.contracts import Clock
from ...core.errors import StoreFault
from ..keys import open_kek
from ..locating import MEMORY, Located
from .backend import Backend
from .migrating import migrate, needs_migration, version_of
from .store import SqlStore
from .vault import Vault

if TYPE_CHECKING:
    from ..kek import Kek


def open_store(
    located: Located, environment: Mapping[str, str], *, clock: Clock, actor: str = ""
) -> SqlStore:
    """The store, ready. `actor`: who is written into the audit log; by default this user on this machine.

    Raises `StoreFault`: what `stores.keys` raises for the key, `wrong_key`, `no_keys`, `schema`, and what the
    backend raises; `TryLater` when the database does not answer.
    """
    _refuse_server(located)
    vault = Vault(kek_of(located, environment), os.urandom)
    backend = open_backend(located, clock)
    try:
        prepare(backend, vault)
        vault.load(backend, located.tenant)
    except BaseException:
        backend.close()
        raise
    return SqlStore(backend, vault, tenant=located.tenant, actor=actor or local_actor("cli"))


def open_backend(located: Located, clock: Clock) -> Backend:
    """The database, whatever is in it. Raises `StoreFault` (code `needs_database`) for a server."""
    _refuse_server(located)
    if located.url == MEMORY:
        from .memory import MemoryBackend

        return MemoryBackend(MEMORY, clock)
    if located.path:
        from .sqlite import SqliteBackend

        return SqliteBackend(os.path.abspath(located.path), clock)
    from .postgres import PostgresBackend

    return PostgresBackend(located.url, listen_url=located.listen)


def kek_of(located: Located, environment: Mapping[str, str]) -> Kek:
    """The key of the store's keys; it is made for an embedded store that is not there yet. Raises `StoreFault`."""
    if located.url == MEMORY:
        from ..kek import LocalKek
        from ..sealing import KEY_BYTES, SealingKey

        return LocalKek(SealingKey(os.urandom(KEY_BYTES)), MEMORY, os.urandom)
    if located.path:
        return open_kek(located.key, environment=environment, cache=located.path, random=os.urandom)
    try:
        return open_kek(located.key, environment=environment)
    except StoreFault as fault:
        if fault.code == "no_key":
            fault.hint = (
                "Name the store's key (AUTHRECORD_KEY); for a new store make one: authrecord keys init"
            )
        raise


def prepare(backend: Backend, vault: Vault) -> None:
    """Tables and keys as this program needs them. Raises `StoreFault` before anything is written."""
    with backend.reading() as transaction:
        is_new = version_of(transaction) == 0
        has_keys = not is_new and transaction.row("SELECT 1 FROM keks") is not None
    if backend.kind != "postgres" and not has_keys:
        from .tenants import initialise

        migrate(backend)
        initialise(backend, vault)
        return
    if is_new:
        raise _not_made(backend.place)
    vault.check(backend)
    if needs_migration(backend):
        migrate(backend)


def local_actor(kind: str) -> str:
    """Who works here, for the audit log: `cli:ada@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that no user has
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return f"{kind}:{user}@{platform.node()}"


def _refuse_server(located: Located) -> None:
    if located.is_server:
        raise StoreFault(
            f"this needs the database itself, and {located.url} is a server.",
            hint="Run it where the database is, with AUTHRECORD_STORE set to it; or use the server's page.",
            code="needs_database",
        )


def _not_made(place: str) -> StoreFault:
    return StoreFault(
        f"there is no store in {place} yet.", hint="Make it there: authrecord keys init", code="no_keys"
    )
