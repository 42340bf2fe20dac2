"""Floor 5: settings, read once, and the parts put together: documents, keeper, store, sender, sign-in.

The law of this room: it is the only place that reads the process's environment, and the only one that knows
every room below it. It decides nothing about records, tokens or requests.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
    from .keeper.ports import Sender, TokenStore

Client = TypeVar("Client")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, read once.

    `file`: the document (`AUTHRECORD_FILE`), empty to look for one. `key`: the sealing key's source
    (`AUTHRECORD_KEY`), empty for the default. `allow_commands`: `${command:…}` may run
    (`AUTHRECORD_ALLOW_COMMANDS=1`). `ca_file`: certificate authorities to trust beside the system's at
    authorization servers (`AUTHRECORD_CA_FILE`). `proxy`: an HTTP proxy on the way to them
    (`AUTHRECORD_PROXY`); the environment's own proxies are never used for them (E9). `environment`: the rest,
    for references and folders.
    """

    environment: Mapping[str, str]
    file: str = ""
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


def find_document(settings: Settings, *, start: Path) -> Path:
    """The document to use: the settings' file, else one in `start` or above it, else the user's.

    Raises `RecordFault` when there is none.
    """
    from .stores.places import found_document

    found = settings.file or found_document(settings.environment, str(start.resolve()))
    if found:
        return Path(found)
    raise RecordFault(
        "there is no authrecord.yaml in this folder, above it, or in the configuration folder.",
        hint="Make one with `authrecord add`, or name a document with --file.",
        code="no_document",
    )


def make_keeper(
    settings: Settings,
    *,
    base: Path,
    in_memory: bool = False,
    through: Callable[[Sender], Sender] = lambda sender: sender,
) -> Keeper:
    """A keeper with the default sender and the sealed local cache; with a memory store if asked.

    `base`: the folder that relative `${file:…}` references start from. `through`: put around the sender, by
    whoever wants to see what is sent. Nothing is opened before it is needed.
    """
    import time

    from .clients.sender import TokenSender
    from .keeper.keeper import Keeper
    from .signing import sign
    from .stores.references import resolver

    return Keeper(
        _store(settings, in_memory=in_memory),
        send=through(TokenSender(clock=time, ca_file=settings.ca_file, proxy=settings.proxy)),
        resolve=resolver(settings.environment, base=base, allow_commands=settings.allow_commands),
        sign=sign,
    )


def _store(settings: Settings, *, in_memory: bool) -> TokenStore:
    import time

    if in_memory:
        from .stores.memory import MemoryStore

        return MemoryStore(time)
    from .stores.deferred import local_store

    return local_store(settings.environment, time, key_source=settings.key)


class Records(Mapping[str, Record]):
    """The records of one document, ready to authenticate requests. Made by `open_records`."""

    def __init__(self, records: tuple[Record, ...], keeper: Keeper, *, source: str = "") -> None:
        self._records = {record.name: record for record in records}
        self.keeper = keeper
        self.source = source

    def __getitem__(self, name: str) -> Record:
        """The record of that name. Raises `RecordFault`, which names the nearest one, when there is none."""
        found = self._records.get(name)
        if found is None:
            raise unknown_record(name, self._records, self.source)
        return found

    def close(self) -> None:
        """Close the store and kept connections. `with open_records() as records:` does it at its end."""
        self.keeper.close()

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

    def token(self, name: str) -> Token:
        """The live token of an OAuth 2.0 record. Blocks while it is obtained. See `Keeper.token`."""
        return self.keeper.token(self[name])

    def stamp(self, name: str, url: str) -> Stamp:
        """What would be put on a request to `url`. Raises `OriginRefused` when it may not go there."""
        authenticator = self.authenticator(name)
        authenticator.release(checked_origin(url))
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
    settings: Settings | None = None,
    in_memory: bool = False,
    through: Callable[[Sender], Sender] = lambda sender: sender,
) -> Records:
    """The records of `file`, or of the document that `find_document` finds. `through`: see `make_keeper`.

    Raises `DocumentFault` with every fault of the document, `RecordFault` when there is none.
    """
    from .documents import read_file

    settings = Settings.read() if settings is None else settings
    path = Path(file) if file is not None else find_document(settings, start=Path.cwd())
    keeper = make_keeper(settings, base=path.resolve().parent, in_memory=in_memory, through=through)
    return Records(read_file(path), keeper, source=str(path))


_lock = threading.Lock()
_default: dict[str, Any] = {}


def default_records() -> Records:
    """The records of the document found from the current folder, opened once per process."""
    with _lock:
        if "records" not in _default:
            _default["records"] = open_records()
        records: Records = _default["records"]
        return records


def default_keeper() -> Keeper:
    """The keeper of records made in code: their tokens live in memory only. One per process."""
    with _lock:
        if "keeper" not in _default:
            _default["keeper"] = make_keeper(Settings.read(), base=Path.cwd(), in_memory=True)
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
