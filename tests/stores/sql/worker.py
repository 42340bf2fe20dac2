"""Another process that uses a SQLite store, for the tests of many: `worker.py STORE KEY_FILE ACTION [ARGUMENT]`.

`hold SECONDS` claims the token, says so, and never gives it back. `renew COUNT` renews so many times and writes each
generation it made to standard output. `settle_late SECONDS` claims, says so, waits for a line, and settles.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.ports import TokenKey
from authrecord.stores.keys import sealing_key
from authrecord.stores.sql.store import SqlStore
from tests.stores.opening import open_sqlite

KEY = TokenKey("orders", "a" * 64)


def main(cache: str, key_file: str, action: str, argument: str) -> None:
    """Do `action`."""
    key = sealing_key(f"file:{key_file}", environment={}, cache=cache)
    store = open_sqlite(Path(cache), key, time)
    if action == "renew":
        for _ in range(int(argument)):
            print(renew(store), flush=True)
        return
    claim = store.claim(KEY, seconds=float(argument), patience=30)
    print("claimed", flush=True)
    sys.stdin.readline()
    if action == "settle_late":
        print("stale" if store.settle(claim, token()) is None else "saved", flush=True)


def renew(store: SqlStore) -> int:
    """One renewal, as the keeper does it; its generation."""
    claim = store.claim(KEY, seconds=30, patience=60)
    time.sleep(0.002)  # the provider's answer takes a moment
    saved = store.settle(claim, token())
    if saved is None:
        raise SystemExit("a renewal was lost")
    return saved.generation


def token() -> Token:
    """A token that nobody else has."""
    return Token(access_token=Secret(os.urandom(16).hex()), obtained_at=time.time(), life=3600.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
