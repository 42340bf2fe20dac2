"""The fast way of `authrecord token NAME`: a few rows, two seals, and out. It decides nothing.

Whatever is unusual (no file, an unsafe mode, another key, a changed row, a token near its end) gives `None`; the
slow way then finds out what is wrong and says it. The index leads from a document's very bytes, or from a stored
record's revision, to the token, so that a changed record, even by a comment, takes the slow way once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .sealing import packed

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from sqlite3 import Connection
    from typing import Any, Final, NoReturn

    from .locating import Located
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
    """The index key of a document's record: SHA-256 over the document's path and bytes, and the name."""
    from hashlib import sha256

    path = document_path.encode("utf-8", "surrogateescape")
    return sha256(packed(b"document", path, document, name.encode("utf-8", "surrogatepass"))).digest()


def stored_index_key(identity: str, revision: int) -> bytes:
    """The index key of a stored record: SHA-256 over its identity and revision."""
    from hashlib import sha256

    return sha256(packed(b"record", identity.encode(), b"%d" % revision)).digest()


def quick_token(
    located: Located,
    name: str,
    wall: float,
    environment: Mapping[str, str] | None = None,
    *,
    index: bytes | None = None,
) -> QuickToken | None:
    """The token that the index names, while nothing needs to be done about it. `wall`: UTC seconds.

    `index`: of the document's record; `None` for the record `name` of the store. `environment` is needed for a key
    source `env:NAME`. Raises nothing.
    """
    from .private_files import unsafe

    if not located.path:
        return None
    try:
        if unsafe(located.path):
            return None
    except OSError:
        return None
    key = _key(located.key, located.path, environment or {})
    if key is None:
        return None
    found = _look_up(located, key, name, index)
    if found is None:
        return None
    obtained_at, renew_at, access_token = found
    if obtained_at - CLOCK_TOLERANCE <= wall < renew_at:
        return QuickToken(access_token, renew_at)
    return None


def _key(source: str, store: str, environment: Mapping[str, str]) -> SealingKey | None:
    if not source.startswith(("file:", "env:")):
        return None  # the others cost more than the slow way does
    from .keys import sealing_key

    try:
        return sealing_key(source, environment=environment, cache=store)
    except Exception as error:
        from ..core.errors import StoreFault

        if isinstance(error, StoreFault):
            return None
        raise


def _look_up(
    located: Located, key: SealingKey, name: str, index: bytes | None
) -> tuple[float, float, str] | None:
    """Obtained at, to be renewed at, access token."""
    from contextlib import closing
    from sqlite3 import Error, connect

    from .sealing import DoesNotOpen

    try:
        with closing(connect(located.path, timeout=0.2, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only=ON")
            return _Reader(connection, key, located.tenant).token(name, index)
    except (Error, DoesNotOpen):
        return None


class _Reader:
    """Reads the rows of one tenant."""

    def __init__(self, connection: Connection, key: SealingKey, tenant: str) -> None:
        self._connection = connection
        self._key = key
        self._tenant = tenant
        self._tenant_keys: dict[int, SealingKey] = {}

    def token(self, name: str, index: bytes | None) -> tuple[float, float, str] | None:
        """See `_look_up`. Raises `DoesNotOpen`."""
        from .payload import read_entry, read_head
        from .sql.bindings import entry_place, token_place

        index = self._index_of(name) if index is None else index
        entry = (
            None
            if index is None
            else self._row("SELECT sealed FROM entries WHERE tenant = ? AND index_key = ?", index)
        )
        if entry is None or index is None:
            return None
        name, lookup, binding = read_entry(self._open(entry[0], entry_place(self._tenant, index)))
        row = self._row(
            "SELECT generation, sealed, binding FROM tokens WHERE tenant = ? AND name = ? AND lookup = ?",
            name,
            lookup,
        )
        if row is None or row[2] != binding:
            return None
        place = token_place(self._tenant, name, lookup, row[0], binding)
        obtained_at, renew_at, _, access_token = read_head(self._open(row[1], place))
        return obtained_at, renew_at, access_token

    def _index_of(self, name: str) -> bytes | None:
        row = self._row("SELECT id, revision FROM records WHERE tenant = ? AND name = ?", name)
        return None if row is None else stored_index_key(*row)

    def _open(self, blob: bytes, place: bytes) -> bytes:
        from .sealing import DoesNotOpen, SealingKey, key_version
        from .sql.bindings import wrapped_key_place

        version = key_version(blob)
        opened = self._tenant_keys.get(version)
        if opened is None:
            kek = self._key.identity()
            row = self._row(
                "SELECT wrapped FROM tenant_keys WHERE tenant = ? AND purpose = 'seal' AND version = ? AND kek = ?",
                version,
                kek,
            )
            if row is None:
                raise DoesNotOpen("the key of that version is not here")
            wrapped_at = wrapped_key_place(self._tenant, "seal", version, kek)
            opened = self._tenant_keys[version] = SealingKey(self._key.open(row[0], wrapped_at))
        return opened.open(blob, place)

    def _row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(statement, (self._tenant, *values)).fetchone()
        return row
