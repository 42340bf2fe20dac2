"""The sealed cache of one user on one machine: what `authrecord token` finds between runs.

A SQLite file (write-ahead log, `synchronous=FULL`) of mode 0600. Names, digests and generations are readable in
it; tokens are sealed, each bound to its row and generation. See `database` for the file, `leases` for who renews,
`sealing` for the seal, `quick` for the way that only reads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ..core.contracts import Clock
from ..core.errors import StoreFault, TryLater
from ..core.token import Token
from ..keeper.ports import Claim, TokenKey
from .database import Database
from .leases import Leases
from .payload import entry_place, read_token, token_place, written_key, written_token
from .sealing import DoesNotOpen, Random, SealingKey

FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 0.05
"""Seconds between two looks at a token that another process renews."""

MOST_ENTRIES: Final = 32
"""Index entries kept for one record name; an edit of its document leaves one behind."""


class LocalStore:
    """Implements `keeper.ports.TokenStore` in a file, for all processes of one user.

    `path`: absolute, in a folder of its own (made with mode 0700). `clock`: its monotonic time ends a claim.
    `random`: `os.urandom`. Raises `StoreFault` when file or key cannot be used; nothing is written then.
    """

    def __init__(self, path: str | os.PathLike[str], key: SealingKey, clock: Clock, random: Random) -> None:
        self.path = os.path.abspath(path)
        self._key = key
        self._clock = clock
        self._random = random
        self._database = Database(self.path, key, random)
        self._leases = Leases(self._database, self.path + ".locks", random)

    def load(self, key: TokenKey) -> Token | None:
        """The token; see `TokenStore.load`. Raises `StoreFault`: code `tampered` when it does not open."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT generation, sealed FROM tokens WHERE name = ? AND digest = ?", (key.name, key.digest)
            ).fetchone()
        if row is None:
            return None
        return self._opened(key, *row)

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """The right to renew; see `TokenStore.claim`. Raises `TryLater` (code `store_busy`), `StoreFault`."""
        holder = self._wait_for_lease(key, seconds, patience)
        try:
            token = self.load(key)
        except BaseException:
            self.release(Claim(key, holder, 0, None))
            raise
        return Claim(key, holder, 0 if token is None else token.generation, token)

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """Save and give back; see `TokenStore.settle`. On disk when this returns.

        After a `StoreFault` the old token stands and the claim is still held: the caller may try again.
        """
        key, generation = claim.key, claim.generation + 1
        sealed = self._key.seal(
            written_token(token), token_place(key.name, key.digest, generation), self._random
        )
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT generation FROM tokens WHERE name = ? AND digest = ?", (key.name, key.digest)
            ).fetchone()
            stands = self._leases.stands(connection, key, claim.holder)
            stands = stands and claim.generation == (0 if row is None else row[0])
            if stands:
                connection.execute(
                    "INSERT OR REPLACE INTO tokens (name, digest, generation, sealed) VALUES (?, ?, ?, ?)",
                    (key.name, key.digest, generation, sealed),
                )
            self._leases.clear(connection, key, claim.holder)
        self._leases.unlock(claim.holder)
        return replace(token, generation=generation) if stands else None

    def release(self, claim: Claim) -> None:
        """Give back; see `TokenStore.release`."""
        try:
            with self._database.writing() as connection:
                self._leases.clear(connection, claim.key, claim.holder)
        finally:
            self._leases.unlock(claim.holder)

    def forget(self, key: TokenKey) -> None:
        """Drop every token of that name, its claims and its index entries; see `TokenStore.forget`.

        A token that does not open is dropped as well: this is the way out of `tampered`.
        """
        with self._database.writing() as connection:
            connection.execute("DELETE FROM tokens WHERE name = ?", (key.name,))
            connection.execute("DELETE FROM claims WHERE name = ?", (key.name,))
            connection.execute("DELETE FROM entries WHERE name = ?", (key.name,))
        self._database.truncate_log()

    def remember(self, index_key: bytes, key: TokenKey) -> None:
        """Write down whose token `quick.quick_token` shall find under `index_key` (`quick.index_key`)."""
        sealed = self._key.seal(written_key(key), entry_place(index_key), self._random)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO entries (index_key, name, sealed) VALUES (?, ?, ?)",
                (index_key, key.name, sealed),
            )
            connection.execute(
                "DELETE FROM entries WHERE name = ? AND number NOT IN"
                " (SELECT number FROM entries WHERE name = ? ORDER BY number DESC LIMIT ?)",
                (key.name, key.name, MOST_ENTRIES),
            )

    def close(self) -> None:
        """Give back what is claimed and close the file."""
        self._leases.close()
        self._database.close()

    def _wait_for_lease(self, key: TokenKey, seconds: float, patience: float) -> str:
        # Patience is a person's time, not the clock's: a clock that stands must not make anybody wait for ever.
        give_up = time.monotonic() + patience
        pause = FIRST_PAUSE
        while True:
            holder = self._leases.take(key, self._clock.monotonic(), seconds)
            if holder is not None:
                return holder
            left = give_up - time.monotonic()
            if left <= 0:
                raise TryLater(
                    f"the token of {key.name!r} is being renewed by another process.",
                    hint="Try again in a moment.",
                    code="store_busy",
                )
            # The kernel wakes nobody when a process's lock on a file ends, so this looks again, less and less often.
            jitter = 0.5 + self._random(1)[0] / 256
            time.sleep(min(left, pause * jitter))
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _opened(self, key: TokenKey, generation: int, sealed: bytes) -> Token:
        try:
            return read_token(
                self._key.open(sealed, token_place(key.name, key.digest, generation)), generation
            )
        except DoesNotOpen:
            raise StoreFault(
                f"the stored token of {key.name!r} does not open: it was changed or moved.",
                hint=f"Other records still work. Log in again: authrecord login {key.name}",
                code="tampered",
            ) from None


def open_local_store(
    environment: Mapping[str, str], clock: Clock | None = None, *, key_source: str = ""
) -> LocalStore:
    """The user's sealed cache, at its place by `environment`, opened now; the key is made at the first use.

    `clock` `None`: the machine's. `key_source` empty: `AUTHRECORD_KEY` or the key file. Raises `StoreFault`.
    """
    from .keys import default_key_source, sealing_key
    from .places import cache_file

    cache = cache_file(environment)
    source = key_source or default_key_source(environment)
    key = sealing_key(source, environment=environment, cache=cache, random=os.urandom)
    return LocalStore(cache, key, time if clock is None else clock, os.urandom)
