"""The fast way of `authrecord token NAME`: one row, one seal, and out. It decides nothing.

Whatever is unusual (no file, an unsafe mode, another key, a changed row, a token near its end) gives `None`; the
slow way then finds out what is wrong and says it. The index leads from a document's very bytes to the token, so
that a changed document, even by a comment, takes the slow way once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .sealing import packed

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from typing import Final, NoReturn

    from .sealing import SealingKey

CLOCK_TOLERANCE: Final = 60.0
"""Seconds, as in `core.token`; a test compares the two. Importing that module would double the time taken here."""


class QuickToken:
    """A live access token. `renew_at`: UTC seconds from which it is to be renewed; infinite if unknown."""

    __slots__ = ("_open", "renew_at")

    _open: Callable[[], str]

    def __init__(self, access_token: str, renew_at: float) -> None:
        self._open = lambda: access_token
        self.renew_at = renew_at

    def __repr__(self) -> str:
        return "QuickToken('••••')"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a QuickToken is not serialised")

    def reveal(self) -> str:
        """The access token itself."""
        return self._open()


def index_key(document_path: str, document: bytes, name: str) -> bytes:
    """The index key of a record: SHA-256 over its document's path and bytes, and its name."""
    from hashlib import sha256

    path = document_path.encode("utf-8", "surrogateescape")
    return sha256(packed(path, document, name.encode("utf-8", "surrogatepass"))).digest()


def quick_token(
    cache_path: str,
    key_source: str,
    index_key: bytes,
    wall: float,
    environment: Mapping[str, str] | None = None,
) -> QuickToken | None:
    """The token that the index names, while nothing needs to be done about it. `wall`: UTC seconds.

    `environment` is needed for a key source `env:NAME`. Raises nothing.
    """
    from .private_files import unsafe

    try:
        if unsafe(cache_path):
            return None
    except OSError:
        return None
    key = _key(key_source, cache_path, environment or {})
    if key is None:
        return None
    found = _look_up(cache_path, key, index_key)
    if found is None:
        return None
    obtained_at, renew_at, access_token = found
    if obtained_at - CLOCK_TOLERANCE <= wall < renew_at:
        return QuickToken(access_token, renew_at)
    return None


def _key(source: str, cache: str, environment: Mapping[str, str]) -> SealingKey | None:
    from .keys import sealing_key

    try:
        return sealing_key(source, environment=environment, cache=cache)
    except Exception as error:
        from ..core.errors import StoreFault

        if isinstance(error, StoreFault):
            return None
        raise


def _look_up(path: str, key: SealingKey, index_key: bytes) -> tuple[float, float, str] | None:
    """Obtained at, to be renewed at, access token."""
    from contextlib import closing
    from sqlite3 import Error, connect

    from .payload import entry_place, read_head, read_key, token_place
    from .sealing import DoesNotOpen

    try:
        with closing(connect(path, timeout=0.2, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only=ON")
            entry = connection.execute(
                "SELECT sealed FROM entries WHERE index_key = ?", (index_key,)
            ).fetchone()
            if entry is None:
                return None
            name, digest = read_key(key.open(entry[0], entry_place(index_key)))
            row = connection.execute(
                "SELECT generation, sealed FROM tokens WHERE name = ? AND digest = ?", (name, digest)
            ).fetchone()
            if row is None:
                return None
            obtained_at, renew_at, _, access_token = read_head(
                key.open(row[1], token_place(name, digest, row[0]))
            )
            return obtained_at, renew_at, access_token
    except (Error, DoesNotOpen):
        return None
