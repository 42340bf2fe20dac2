"""The store that a command works at, opened for it."""

from __future__ import annotations

import getpass
import os
import platform
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .context import Options

if TYPE_CHECKING:
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

    Raises `StoreFault`: code `no_store` where there is none.
    """
    from ..core.errors import StoreFault
    from ..stores.sql.migrating import migrate

    _, path, _ = location(options)
    if path and not make and not os.path.lexists(path):
        raise StoreFault(
            f"there is no store at {path} yet.",
            hint="Set AUTHRECORD_STORE to the one that you mean.",
            code="no_store",
        )
    with closing(open_backend(options)) as backend:
        migrate(backend)
        tenant = options.settings().environment.get("AUTHRECORD_TENANT", "default")
        yield OpenedStore(backend, tenant, f"cli:{getpass.getuser()}@{platform.node()}", options)


def location(options: Options) -> tuple[str, str, str]:
    """The URL of the store, the path of its file (empty for PostgreSQL), and the source of its key."""
    from ..stores.keys import default_key_source
    from ..stores.places import data_folder

    environment = options.settings().environment
    url = environment.get("AUTHRECORD_STORE") or f"sqlite://{data_folder(environment)}/store.sqlite"
    path = url.removeprefix("sqlite://") if url.startswith("sqlite:///") else ""
    return url, path, default_key_source(environment)


def open_backend(options: Options) -> Backend:
    """The database, whatever is in it. Raises `StoreFault`, `TryLater`."""
    url, path, _ = location(options)
    if path:
        from ..stores.sql.sqlite import SqliteBackend

        return SqliteBackend(path, time)
    from ..stores.sql.postgres import PostgresBackend

    return PostgresBackend(url)


def open_vault(options: Options) -> Vault:
    """The vault, whether it fits or not. Raises `StoreFault` where the key is missing."""
    from ..stores.keys import open_kek
    from ..stores.sql.vault import Vault

    _, _, source = location(options)
    return Vault(open_kek(source, environment=options.settings().environment), os.urandom)
