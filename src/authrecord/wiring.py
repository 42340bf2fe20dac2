"""Floor 5: settings, read once, and the parts put together: documents, keeper, store, sender, sign-in.

The law of this room: it is the only place that reads the process's environment, and the only one that knows
every room below it. It decides nothing about records, tokens or requests.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .core.errors import RecordFault
from .core.messages import Stamp
from .core.origin import Origin, origin_of
from .core.replay import ReplayPolicy
from .core.token import Token
from .record import Record

if TYPE_CHECKING:
    from .keeper.authenticator import Authenticator
    from .keeper.keeper import Keeper
    from .keeper.observing import Observer
    from .keeper.ports import Sender, TokenStore
    from .stores.locating import Located
    from .stores.remote.store import RemoteStore
    from .stores.sql.store import SqlStore
    from .stores.sql.uses import Uses

Client = TypeVar("Client")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, read once.

    `file`: the document (`AUTHRECORD_FILE`), empty to look for one. `store`: a store named by an option; else
    `stores.locating` finds it. `key`: the source of the store's key (`AUTHRECORD_KEY`), empty for the default.
    `allow_commands`: `${command:…}` may run (`AUTHRECORD_ALLOW_COMMANDS=1`). `ca_file`: certificate authorities to
    trust beside the system's at authorization servers (`AUTHRECORD_CA_FILE`). `proxy`: an HTTP proxy on the way to
    them (`AUTHRECORD_PROXY`); the environment's own proxies are never used for them (E9). `environment`: the rest,
    for references and folders.
    """

    environment: Mapping[str, str]
    file: str = ""
    store: str = ""
    key: str = ""
    allow_commands: bool = False
    ca_file: str = ""
    proxy: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings in `environment`, by default the process's own."""
        found = os.environ if environment is None else environment
        return cls(
            environment=found,
            file=found.get("AUTHRECORD_FILE", ""),
            key=found.get("AUTHRECORD_KEY", ""),
            allow_commands=found.get("AUTHRECORD_ALLOW_COMMANDS", "") == "1",
            ca_file=found.get("AUTHRECORD_CA_FILE", ""),
            proxy=found.get("AUTHRECORD_PROXY", ""),
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where records come from: `document`, or the store when that is `None`. Tokens are in the store either way."""

    document: Path | None
    store: Located


def find_source(settings: Settings, *, start: Path) -> Source:
    """The document or store to use; see `stores.locating`. Raises `StoreFault` for settings that cannot be used."""
    from .stores.locating import found_document, located

    store = located(settings.environment, url=settings.store, key=settings.key)
    if settings.store and not settings.file:
        return Source(None, store)
    found = found_document(settings.environment, str(start.resolve()), store, file=settings.file)
    return Source(Path(found) if found else None, store)


def open_store(settings: Settings, store: Located, *, actor: str = "") -> SqlStore:
    """The store, opened now. `actor`: who is written into its audit log. Raises `StoreFault`, `TryLater`."""
    import time

    from .stores.sql.opening import open_store as opened

    return opened(store, settings.environment, clock=time, actor=actor)


def make_keeper(
    settings: Settings,
    *,
    base: Path,
    store: TokenStore,
    through: Callable[[Sender], Sender] = lambda sender: sender,
    observer: Observer | None = None,
    used: Callable[[str], None] | None = None,
) -> Keeper:
    """A keeper with the default sender, over `store`.

    `base`: the folder that relative `${file:…}` references start from. `through`: put around the sender, by
    whoever wants to see what is sent. `observer`, `used`: see `Keeper`. Nothing is opened before it is needed.
    """
    import time

    from .clients.sender import TokenSender
    from .keeper.keeper import Keeper
    from .signing import sign
    from .stores.references import resolver

    return Keeper(
        store,
        send=through(TokenSender(clock=time, ca_file=settings.ca_file, proxy=settings.proxy)),
        resolve=resolver(settings.environment, base=base, allow_commands=settings.allow_commands),
        sign=sign,
        observer=observer,
        used=used,
    )


def memory_store() -> TokenStore:
    """A store for tokens that live in this process only."""
    import time

    from .stores.memory import MemoryStore

    return MemoryStore(time)


def base_folder(settings: Settings) -> Path:
    """Where relative `${file:…}` references of stored records start: the user's configuration folder."""
    from .stores.places import config_folder

    return config_folder(settings.environment)


class Records(Mapping[str, Record]):
    """The records of one document or store, ready to authenticate requests. Made by `open_records`.

    `source`: the document's path, or where the store is. `store`: the store, when the records are in it, or the server
    that is asked for them. `base`:
    where relative `${file:…}` references start. `uses`: writes down when records were used.
    """

    def __init__(
        self,
        records: Mapping[str, Record],
        keeper: Keeper,
        *,
        source: str = "",
        store: SqlStore | RemoteStore | None = None,
        base: Path | None = None,
        uses: Uses | None = None,
    ) -> None:
        self._records = records
        self.base = base if base is not None else Path.cwd()
        self.keeper = keeper
        self.source = source
        self.store = store
        self._uses = uses

    def __getitem__(self, name: str) -> Record:
        """The record of that name. Raises `RecordFault`, which names the nearest one, when there is none."""
        try:
            return self._records[name]
        except KeyError:
            raise unknown_record(name, self._records, self.source) from None

    def close(self) -> None:
        """Close the store and kept connections. `with open_records() as records:` does it at its end."""
        if self._uses is not None:
            self._uses.flush()
        self.keeper.close()
        if self.store is not None:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, name: object) -> bool:
        return name in self._records

    def authenticator(
        self, name: str, *, base_url: str = "", replay: ReplayPolicy = ReplayPolicy.ON_REFUSAL
    ) -> Authenticator:
        """The record, ready to authenticate requests. See `Keeper.authenticator`."""
        return self.keeper.authenticator(self[name], base_url=base_url, replay=replay)

    def attach(self, client: Client, name: str, *, replay: ReplayPolicy = ReplayPolicy.ON_REFUSAL) -> Client:
        """Make `client` (httpx2, httpx, requests, aiohttp) authenticate with the record; the same client."""
        return _attach(client, self.keeper, self[name], replay)

    def remember(self, name: str) -> None:
        """Let the fast path of `authrecord token` find the record's token next time."""
        from .keeper.naming import token_key
        from .stores.deferred import DeferredStore
        from .stores.quick import index_key, stored_index_key
        from .stores.remote.store import RemoteStore

        tokens = self.keeper.store
        if isinstance(self.store, RemoteStore):
            return  # nothing of a server's is written down here
        if self.store is not None:
            found = self.store.revision_of(name)
            if found is not None:
                self.store.remember(stored_index_key(*found), token_key(self[name]))
        elif isinstance(tokens, DeferredStore):
            path = os.path.abspath(self.source)
            index = index_key(path, Path(path).read_bytes(), name)
            tokens.opened().remember(index, token_key(self[name]))

    def token(self, name: str) -> Token:
        """The live token of an OAuth 2.0 record. Blocks while it is obtained. See `Keeper.token`."""
        return self.keeper.token(self[name])

    def stamp(self, name: str, url: str) -> Stamp:
        """What would be put on a request to `url`. Raises `OriginRefused` when it may not go there."""
        authenticator = self.authenticator(name)
        authenticator.release(checked_origin(url))
        authenticator.note_use()
        return authenticator.credential().stamp


def checked_origin(url: str) -> Origin:
    """The origin of a URL that a person gave. Raises `RecordFault`, not `ValueError`, when it has none."""
    try:
        return origin_of(url)
    except ValueError as fault:
        raise RecordFault(f"the URL {fault}.", field="url") from None


def unknown_record(name: str, known: Mapping[str, object], source: str) -> RecordFault:
    """The error for a name that no record has."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    names = ", ".join(list(known)[:20]) or "no records yet"
    hint = f"Did you mean {near[0]!r}?" if near else f"Name one that it holds: {names}."
    return RecordFault(f"{source or 'the document'} holds no record {name[:100]!r}.", field="name", hint=hint)


def open_records(
    file: str | Path | None = None,
    *,
    store: str = "",
    settings: Settings | None = None,
    in_memory: bool = False,
    through: Callable[[Sender], Sender] = lambda sender: sender,
) -> Records:
    """The records of `file`, of the store at the URL `store`, or of what `find_source` finds.

    `through`: see `make_keeper`. `in_memory`: tokens live in this process only. Raises `DocumentFault` with every
    fault of a document, and `StoreFault` or `TryLater` when the store cannot be used.
    """
    settings = Settings.read() if settings is None else settings
    if file is not None or store:
        settings = replace(settings, file="" if file is None else str(file), store=store or settings.store)
    source = find_source(settings, start=Path.cwd())
    if source.document is None:
        return _from_store(settings, source.store, in_memory=in_memory, through=through)
    return _from_document(settings, source.document, source.store, in_memory=in_memory, through=through)


def _from_document(
    settings: Settings,
    path: Path,
    store: Located,
    *,
    in_memory: bool,
    through: Callable[[Sender], Sender],
) -> Records:
    """The records of a document; their tokens are in the store, which is opened when one is needed."""
    from .documents import read_file
    from .stores.deferred import DeferredStore

    tokens = memory_store() if in_memory else DeferredStore(lambda: open_store(settings, store), store.path)
    keeper = make_keeper(settings, base=path.resolve().parent, store=tokens, through=through)
    records = {record.name: record for record in read_file(path)}
    return Records(records, keeper, source=str(path), base=path.resolve().parent)


def _from_store(
    settings: Settings, located: Located, *, in_memory: bool, through: Callable[[Sender], Sender]
) -> Records:
    from .stores.sql.mapping import StoredRecords
    from .stores.sql.uses import Uses

    if located.is_server:
        return _from_server(settings, located, through)
    store = open_store(settings, located)
    uses, base = Uses(store), base_folder(settings)
    tokens = memory_store() if in_memory else store
    keeper = make_keeper(settings, base=base, store=tokens, through=through, used=uses.note)
    return Records(
        StoredRecords(store), keeper, source=store.backend.place, store=store, base=base, uses=uses
    )


def _from_server(settings: Settings, located: Located, through: Callable[[Sender], Sender]) -> Records:
    """The records of a server. Nothing is sent yet; one on this machine is asked without a proxy."""
    import time

    from .clients.sender import TokenSender
    from .keeper.keeper import Keeper
    from .signing import sign
    from .stores.remote.mapping import RemoteRecords
    from .stores.remote.opening import SECONDS, open_remote, unresolved

    proxy = "" if origin_of(located.url).is_loopback else settings.proxy
    send = through(TokenSender(clock=time, deadline=SECONDS, ca_file=settings.ca_file, proxy=proxy))
    store = open_remote(located, settings.environment, send=send)
    keeper = Keeper(store, send=send, resolve=unresolved, sign=sign, issuer=store)
    return Records(RemoteRecords(store), keeper, source=store.place, store=store)


_lock = threading.Lock()
_default: dict[str, Any] = {}


def default_records() -> Records:
    """The records of the document or store that is found from the current folder, opened once per process."""
    with _lock:
        if "records" not in _default:
            _default["records"] = open_records()
        records: Records = _default["records"]
        return records


def default_keeper() -> Keeper:
    """The keeper of records made in code: their tokens live in memory only. One per process."""
    with _lock:
        if "keeper" not in _default:
            _default["keeper"] = make_keeper(Settings.read(), base=Path.cwd(), store=memory_store())
        keeper: Keeper = _default["keeper"]
        return keeper


def attach(
    client: Client, record: str | Record | Authenticator, *, replay: ReplayPolicy = ReplayPolicy.ON_REFUSAL
) -> Client:
    """Make `client` authenticate with `record`, and return it. The one line that most users need.

    `client`: an `httpx2.Client` or `AsyncClient`, the same of httpx, a `requests.Session`, or an
    `aiohttp.ClientSession`. `record`: a name in the document found from the current folder, a `Record`, or an
    authenticator. Raises `RecordFault` and `DocumentFault` as `open_records` does.
    """
    if isinstance(record, str):
        return default_records().attach(client, record, replay=replay)
    if isinstance(record, Record):
        from .documents import checked

        return _attach(client, default_keeper(), checked(record), replay)
    from .clients.attach import attach as attach_authenticator

    return attach_authenticator(client, record)


def _attach(client: Client, keeper: Keeper, record: Record, replay: ReplayPolicy) -> Client:
    from .clients.attach import attach as attach_authenticator
    from .clients.attach import base_url_of

    authenticator = keeper.authenticator(record, base_url=base_url_of(client) or "", replay=replay)
    return attach_authenticator(client, authenticator)
