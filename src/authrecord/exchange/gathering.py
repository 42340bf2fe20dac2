"""Requests that share an `auth` become one draft, whose origins are those of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from .authentication import Auth
from .draft import (
    MOST_DRAFTS,
    MOST_ITEMS,
    Draft,
    Imported,
    faults_of,
    name_from,
    once,
    refused,
    with_unique_names,
)
from .headers import Header, auth_of_header, credentials_in
from .values import Variables, origin_text

Item = TypeVar("Item")

MOST_ORIGINS: Final = 200
"""Origins that one record may have; documents hold to the same number."""

Read = Callable[[Any], Auth | str]
"""Reads a foreign block: the `auth` it stands for, or words about why no kind of record is like it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a collection. `block`: its `auth`, own or inherited, `None` for none; `owner`: who has that.

    `headers`: name and value of those that are sent, where a credential may stand instead.
    """

    name: str
    address: object
    owner: str = ""
    block: Any = field(default=None, repr=False)
    headers: list[tuple[object, object]] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class _Use:
    """One `auth`, under the name of who has it first."""

    name: str
    auth: Auth
    origins: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Gathering:
    """Collects what a text holds. `format`: its name for people; `read`: for its blocks."""

    format: str
    read: Read
    notes: list[str] = field(default_factory=list)
    _uses: list[tuple[Any, _Use | None]] = field(default_factory=list, repr=False)
    _unclear: int = 0
    _full: bool = False

    def take(self, request: Request, variables: Variables) -> None:
        """A request of the text, whose `auth` may stand in a block or in its headers."""
        address = variables.filled(request.address)
        addresses = [address] if isinstance(address, str) and address else []
        if request.block is not None:
            self.use(request.owner, request.block, addresses)
            return
        pairs = [(name, variables.filled(value)) for name, value in request.headers]
        for header in credentials_in(pairs):
            self.use(request.name, header, addresses)

    def use(self, name: object, block: Any, addresses: Iterable[str]) -> None:
        """A request to `addresses` is authenticated as `block` says; equal blocks are read once."""
        use = self._use_of(name, block)
        if use is None:
            return
        for address in addresses:
            origin = origin_text(address)
            if origin and len(use.origins) < MOST_ORIGINS:
                use.origins[origin] = None
            self._unclear += not origin

    def _use_of(self, name: object, block: Any) -> _Use | None:
        for known, use in self._uses:
            if known is block or known == block:
                return use
        if len(self._uses) >= MOST_DRAFTS:
            self._full = True
            return None
        found = auth_of_header(block) if isinstance(block, Header) else self.read(block)
        made = None if isinstance(found, str) else _Use(name_from(name), found)
        if isinstance(found, str):
            self.notes.append(found)
        self._uses.append((block, made))
        return made

    def finished(self) -> Imported:
        """What was found. Raises `DocumentFault` where that is nothing."""
        drafts = [drafted(use.name, use.auth, use.origins) for _, use in self._uses if use is not None]
        if not drafts:
            words = " ".join(once(self.notes)[:5]) or "Nothing in it is authenticated."
            raise refused("holds nothing that a record can be made of.", words)
        if self._full:
            self.notes.append(f"Only the first {MOST_DRAFTS} ways to authenticate were looked at.")
        if self._unclear:
            self.notes.append(
                "Some addresses are placeholders or incomplete: check the allowed hosts of the records."
            )
        return Imported(self.format, with_unique_names(drafts), once(self.notes))


def looked_at(requests: Iterable[Item], notes: list[str]) -> Iterator[Item]:
    """The requests of a text, as many as are looked at; `notes` say when there are more."""
    for count, one in enumerate(requests):
        if count >= MOST_ITEMS:
            notes.append(f"Only the first {MOST_ITEMS:,} requests were looked at.")
            return
        yield one


def drafted(name: str, auth: Auth, origins: Iterable[str]) -> Draft:
    """A draft of an `auth`, with what documents say about its name and origins."""
    allowed = list(origins)
    data: dict[str, Any] = {
        "name": name,
        **({"allowed_origins": allowed} if allowed else {}),
        "auth": auth.data,
    }
    wrong = [fault for fault in faults_of(data) if fault.path not in auth.missing]
    if any(fault.path.startswith("allowed_origins") for fault in wrong):
        del data["allowed_origins"]
    missing = ("allowed_origins", *auth.missing) if "allowed_origins" not in data else auth.missing
    return Draft(data, missing, once(auth.notes))


def only(
    name: str, format: str, found: Iterable[tuple[Auth, Iterable[str]]], notes: Iterable[str]
) -> Imported:
    """What a text with one request holds. Raises `DocumentFault` where that is nothing."""
    drafts = [drafted(name, auth, origins) for auth, origins in found]
    told = once(notes)
    if not drafts:
        raise refused("holds nothing that a record can be made of.", " ".join(told[:5]))
    return Imported(format, with_unique_names(drafts), told)
