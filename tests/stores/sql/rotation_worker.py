"""A program of its own for the tests of rotation: it works on a store, or changes its keys and is killed at a point.

```
python -m tests.stores.sql.rotation_worker DATABASE KEY work NAME COUNT
python -m tests.stores.sql.rotation_worker DATABASE KEY rotate|rotate-kek|finish|destroy [POINT [NEW_KEY]]
```

DATABASE is a path or a URL of PostgreSQL; KEY and NEW_KEY are sources. `work` reads and renews its tokens until
standard input ends, and then prints how often it did; it ends with status 1 at the first thing that fails.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

from authrecord.core import faults
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.ports import TokenKey
from authrecord.stores.keys import open_kek
from authrecord.stores.sql import rotation
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.kek_rotation import finish, rotate_kek
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.vault import Vault


def opened(database: str) -> Backend:
    """The database, whichever kind it is."""
    return PostgresBackend(database) if "://" in database else SqliteBackend(database, time)


def vault_of(source: str) -> Vault:
    """A vault by a key that is there already."""
    return Vault(open_kek(source, environment={}), os.urandom)


def text(name: str, generation: int) -> str:
    """The access token that belongs to a generation: whoever reads another one has read a torn value."""
    return f"token of {name}, generation {generation}"


def work(store: SqlStore, name: str, count: int) -> None:
    """Read and renew, in turn, until there is no more standard input."""
    keys = [TokenKey(f"{name}{number}", f"{number:064x}", "0" * 64) for number in range(count)]
    reads = writes = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        key = keys[reads % count]
        token = store.load(key)
        if token is not None and token.access_token != Secret(text(key.name, token.generation)):
            raise SystemExit(f"{key.name} holds another generation's token")
        claim = store.claim(key, seconds=45, patience=20)
        if claim.generation != (token.generation if token is not None else 0):
            raise SystemExit(f"{key.name} lost a generation")
        anew = Token(
            access_token=Secret(text(key.name, claim.generation + 1)), obtained_at=time.time(), life=3600
        )
        if store.settle(claim, anew) is None:
            raise SystemExit(f"{key.name} was not saved")
        reads, writes = reads + 1, writes + 1
        time.sleep(0.002)
    print(json.dumps({"reads": reads, "writes": writes}))


def main(database: str, source: str, act: str, *further: str) -> None:
    """See the module."""
    backend, vault = opened(database), vault_of(source)
    vault.check(backend)
    if act == "work":
        work(SqlStore(backend, vault, actor="test"), further[0], int(further[1]))
        backend.close()
        return
    point = further[0] if further else ""
    faults.install(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
    operator = Operator(backend, vault, "default", "test")
    if act == "rotate":
        print(json.dumps({"broken": rotation.rotate(operator, batch=5).broken}))
    elif act == "rotate-kek":
        rotate_kek(operator, open_kek(further[1], environment={}, random=os.urandom))
    elif act == "finish":
        finish(operator)
    elif act == "destroy":
        rotation.destroy(operator, 1, settled=0)
    backend.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
