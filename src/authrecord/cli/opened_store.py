"""The store that a command works at, opened for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .context import Options

if TYPE_CHECKING:
    from ..stores.locating import Located
    from ..stores.sql.backend import Backend
    from ..stores.sql.vault import Vault


@dataclass
class OpenedStore:
    """A store whose tables are there. `actor`: who is written into the audit log."""

    backend: Backend
    tenant: str
    actor: str
    options: Options

    @cached_property
    def vault(self) -> Vault:
        """Its vault, checked. Not within a transaction. Raises `StoreFault` where the key is missing or another's."""
        vault = open_vault(self.options)
        vault.check(self.backend)
        return vault


@contextmanager
def opened(options: Options, *, make: bool = False) -> Iterator[OpenedStore]:
    """The store of the options, with its tables; see `location`. `make`: it may be a new one.

    Tables of an older version are brought up to date, for which the store's key has to fit (attack row L1). Raises
    `StoreFault`: code `no_store` where there is none, and for a key that is missing or another's.
    """
    from ..stores.sql.opening import local_actor

    store = location(options)
    if store.path and not make and not os.path.lexists(store.path):
        raise _no_store(store.path)
    with closing(open_backend(options)) as backend:
        _bring_up_to_date(backend, options, make=make)
        yield OpenedStore(backend, store.tenant, local_actor("cli"), options)


def _bring_up_to_date(backend: Backend, options: Options, *, make: bool) -> None:
    from ..stores.sql.migrating import migrate, needs_migration, version_of

    with backend.reading() as transaction:
        is_new = version_of(transaction) == 0
        has_keys = not is_new and transaction.row("SELECT 1 FROM keks") is not None
    if is_new and not make:  # looking into a store makes none, wherever a mistyped address leads
        raise _no_store(backend.place)
    if needs_migration(backend):
        if has_keys:
            open_vault(options).check(backend)
        migrate(backend)


def _no_store(place: str) -> Exception:
    from ..core.errors import StoreFault

    return StoreFault(
        f"there is no store at {place} yet.",
        hint="Name the one that you mean with --store or AUTHRECORD_STORE.",
        code="no_store",
    )


def location(options: Options) -> Located:
    """The store: its URL, the path of its file (empty for PostgreSQL), the source of its key, the tenant."""
    return options.source().store


def open_backend(options: Options) -> Backend:
    """The database, whatever is in it. Raises `StoreFault`, `TryLater`."""
    from ..stores.sql.opening import open_backend as opened_backend

    return opened_backend(location(options), time)


def open_vault(options: Options) -> Vault:
    """The vault, whether it fits or not. Raises `StoreFault` where the key is missing."""
    from ..stores.keys import open_kek
    from ..stores.sql.vault import Vault

    environment = options.settings().environment
    return Vault(open_kek(location(options).key, environment=environment), os.urandom)
