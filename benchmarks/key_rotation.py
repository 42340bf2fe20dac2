"""A tenant's key is changed under load: how long it takes, and whether two processes that read and renew notice.

Each record has a token, a secret and the row that binds its plain part: three sealed values. The two workers read a
live token and renew it, in turn, all the time; a failure of theirs ends the run. Without `--database` it is a SQLite
file in a folder of its own; a PostgreSQL is named by its URL and should be empty.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from common import arguments, finish, say, table

from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.documents import records_from
from authrecord.keeper.naming import token_key
from authrecord.record import Record
from authrecord.stores.keys import open_kek
from authrecord.stores.sql import secretrows, tokens
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.config import taken_apart
from authrecord.stores.sql.kek_rotation import finish as finish_kek
from authrecord.stores.sql.kek_rotation import rotate_kek
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.rotation import rotate
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import create_tenant, initialise
from authrecord.stores.sql.vault import Vault

WORKERS = 2
TENANTS = 1000


def record(number: int) -> Record:
    auth = {
        "type": "oauth2",
        "grant": "client_credentials",
        "credentials": {"client_id": "bench", "client_secret": f"secret-{number:032}"},
        "token_exchange": {"url": "https://id.example.com/token"},
    }
    data = {"name": f"r{number:07}", "allowed_origins": ["https://api.example.com"], "auth": auth}
    return records_from(data)[0]


def token() -> Token:
    return Token(access_token=Secret("t" * 800), obtained_at=time.time(), life=3600.0)


def opened(database: str) -> Backend:
    if "://" in database:
        from authrecord.stores.sql.postgres import PostgresBackend

        return PostgresBackend(database)
    from authrecord.stores.sql.sqlite import SqliteBackend

    return SqliteBackend(database, time)


def vault_of(source: str) -> Vault:
    return Vault(open_kek(source, environment={}, random=os.urandom), os.urandom)


def fill(store: SqlStore, count: int) -> None:
    """Records and tokens, as the store writes them, but a thousand in one transaction: it is not what is measured."""
    for first in range(0, count, 1000):
        with store.backend.writing() as transaction:
            for number in range(first, min(first + 1000, count)):
                one, identity = record(number), f"{number:032x}"
                config, key = taken_apart(one), token_key(one)
                transaction.change(
                    "INSERT INTO records (tenant, id, name, revision, auth_type, grant_type, config, tags, state,"
                    " reason, keep_by, keep_until, created_at, created_by, updated_at, updated_by) VALUES"
                    " ('default', ?, ?, 1, 'oauth2', 'client_credentials', ?, '', 'idle', '', '', 0, 0, 'bench', 0,"
                    " 'bench')",
                    (identity, one.name, config.text),
                )
                secretrows.write(store, transaction, identity, config, 1, {}, 0.0)
                place = tokens.place_of(transaction, store.vault, "default", key)
                tokens.write(transaction, store.vault, place, key.binding, token(), 1)


def renew(store: SqlStore, one: Record) -> None:
    claim = store.claim(token_key(one), seconds=45, patience=30)
    if store.settle(claim, token()) is None:
        raise SystemExit(f"{one.name} was not saved")


def work(database: str, source: str, count: int) -> None:
    """Read all the time, renew now and then, until there is no more standard input; prints latencies in ms."""
    import random
    import select

    reads: list[float] = []
    renewals: list[float] = []
    with closing(opened(database)) as backend:
        store = SqlStore(backend, vault_of(source), actor="bench")
        while not select.select([sys.stdin], [], [], 0)[0]:
            one = record(random.randrange(count))
            began = time.perf_counter()
            if store.load(token_key(one)) is None:
                raise SystemExit(f"{one.name} has no token")
            reads.append(time.perf_counter() - began)
            if len(reads) % 10 == 0:
                began = time.perf_counter()
                renew(store, one)
                renewals.append(time.perf_counter() - began)
            time.sleep(0.005)
    print(json.dumps({"reads": summary(reads), "renewals": summary(renewals)}))


def summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 2),
        "longest_ms": round(ordered[-1] * 1000, 1),
    }


def measure(database: str, folder: Path, count: int) -> dict[str, object]:
    source, new = f"file:{folder / 'old.key'}", f"file:{folder / 'new.key'}"
    with closing(opened(database)) as backend:
        migrate(backend)
        vault = vault_of(source)
        initialise(backend, vault)
        operator = Operator(backend, vault, "default", "bench")
        began = time.perf_counter()
        fill(SqlStore(backend, vault, actor="bench"), count)
        say(f"{count:,} records after {time.perf_counter() - began:.0f} s")
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, "--work", database, source, "--records", str(count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(WORKERS)
        ]
        time.sleep(3)
        began, cpu_began = time.perf_counter(), time.process_time()
        done = rotate(operator)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        said = [worker.communicate(timeout=60)[0] for worker in workers]
        for number in range(TENANTS if count >= TENANTS else 10):
            create_tenant(operator, f"t{number}")
        began = time.perf_counter()
        wrapped = rotate_kek(operator, open_kek(new, environment={}, random=os.urandom))
        finish_kek(Operator(backend, vault_of(new), "default", "bench"))
        kek_seconds = time.perf_counter() - began
        kind = backend.kind
    return {
        "database": kind,
        "records": count,
        "resealed": done.resealed,
        "broken": len(done.broken),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "failed_workers": sum(worker.returncode != 0 for worker in workers),
        "workers": [json.loads(one) for one in said if one],
        "kek_keys": wrapped,
        "kek_seconds": round(kek_seconds, 2),
    }


def rotation_of(found: dict[str, Any]) -> str:
    """What the change of a tenant's key cost, and what two processes beside it noticed."""
    told = (
        f"{found['records']:,} records on SQLite get a new tenant key while two processes read live tokens and renew"
        f" them: {found['resealed']:,} sealed values in {found['seconds']} s ({found['cpu_seconds']} s of processor"
        f" time), {found['broken']} that did not open, {found['failed_workers']} processes that met a failure. A new"
        f" key-encrypting key for {found['kek_keys']:,} wrapped keys: {found['kek_seconds']} s."
    )
    rows = [
        (f"process {number}, {what}", *one[what].values())
        for number, one in enumerate(found["workers"], 1)
        for what in ("reads", "renewals")
    ]
    return f"{told}\n\n{table(['', 'count', 'median, ms', 'p99, ms', 'longest, ms'], rows)}"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--database", default="", help="a URL of PostgreSQL; else a SQLite file")
    parser.add_argument("--work", nargs=2, metavar=("DATABASE", "KEY"), help="be one of the workers")
    given = parser.parse_args()
    count = 500 if given.quick else given.records
    if given.work:
        work(*given.work, count)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "keys"
        folder.mkdir(mode=0o700)
        found = measure(given.database or str(Path(place) / "data" / "store.sqlite"), folder, count)
    say(
        table(
            ["", "count", "p50 ms", "p99 ms", "longest ms"],
            [
                (f"worker {number}, {what}", *one[what].values())
                for number, one in enumerate(found["workers"], 1)
                for what in ("reads", "renewals")
            ],
        )
    )
    say({key: value for key, value in found.items() if key != "workers"})
    finish(found, given.json)
    if found["failed_workers"] or found["broken"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
