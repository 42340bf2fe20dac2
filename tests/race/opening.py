"""Opens what a race is about: the store under test, and the records of its document."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from authrecord.core.contracts import Clock
from authrecord.stores.keys import open_kek
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.stores.sql.postgres_connection import STATEMENT_SECONDS
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import DEFAULT, initialise
from authrecord.stores.sql.vault import Vault

_RECORD = """\
  - name: {name}
    allowed_origins: ["{origin}"]
    auth:
      type: oauth2
      grant: authorization_code
      authorization: {{url: "{origin}/authorize"}}
      credentials: {{client_id: {name}, client_secret: "${{env:RACE_SECRET}}"}}
      token_exchange: {{url: "{origin}/token", client_authentication: body}}
"""


def write_document(path: Path, records: Iterable[tuple[str, str]]) -> None:
    """A document of `records`: each a name, which its client has as well, and the provider's origin."""
    path.write_text("records:\n" + "".join(_RECORD.format(name=name, origin=at) for name, at in records))


def open_tokens(url: str, key: str, clock: Clock, *, seconds: float = STATEMENT_SECONDS) -> SqlStore:
    """The store at `url`, with tables and keys; they are made where there are none. `key`: the source of its key.

    `seconds`: after which a PostgreSQL that does not answer is away.
    """
    backend = open_backend(url, clock, seconds=seconds)
    vault = Vault(open_kek(key, environment={}, random=os.urandom), os.urandom)
    migrate(backend)
    initialise(backend, vault)
    return SqlStore(backend, vault, tenant=DEFAULT, actor="race")


def open_backend(url: str, clock: Clock, *, seconds: float = STATEMENT_SECONDS) -> Backend:
    """The database at `url`."""
    if url.startswith("sqlite://"):
        return SqliteBackend(url.removeprefix("sqlite://"), clock)
    return PostgresBackend(url, seconds=seconds)
