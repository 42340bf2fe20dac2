"""The store at a server: its records, read and changed, and the credentials that it obtains."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from ...core.contracts import Clock
from ...core.errors import RecordFault, StoreFault, TryLater
from ...core.secret import Secret
from ...core.token import Token
from ...documents import checked, destination_digest
from ...documents.rules import NAME_PATTERN
from ...keeper.naming import token_mark
from ...keeper.ports import Claim, Failure, Filter, Page, StoredRecord, TokenKey
from ...record import OAuth2, Record
from .calls import Called, Calls, json_of, place_of
from .documents import document_of, page_from, stored_from
from .problems import AWAY
from .tokens import token_from

MOST_LINES: Final = 100
"""Lines of a list in one answer."""

LOOK_SECONDS: Final = 10.0
"""How old what is known of a record may be before the server is asked for it again."""

MOST_REMEMBERED: Final = 1000
"""Records that are remembered."""


class RemoteStore:
    """Implements `keeper.ports.RecordStore` and `keeper.ports.Issuer` by the REST API of a server.

    It is a `TokenStore` in name only: claims, refresh tokens and failures are the server's own, and every method of
    that port raises `StoreFault` (code `at_the_server`).
    """

    def __init__(
        self, calls: Calls, *, clock: Clock = time, key: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self.place = calls.origin
        self._calls = calls
        self._clock = clock
        self._key = key
        self._known: dict[str, tuple[float, StoredRecord]] = {}
        self._revisions: dict[str, tuple[str, int] | None] = {}
        self._looked_at = float("-inf")

    def issue(self, record: Record, held: Token | None, *, refused: bool) -> Token:
        """See `Issuer.issue`. Of a token in hand the server is told a hash.

        Raises `RecordFault` (code `changed_at_server`) when `record` is no longer what the server has, and says
        otherwise where the credential may go: a program that runs for long sends nothing to where it once went.
        """
        content = None
        if held is not None and isinstance(record.auth, OAuth2):
            content = json_of({"held": token_mark(held), "refused": refused})
        called = self._asked("POST", record.name, "token", content=content)
        token = token_from(called, record, self.place)
        self._check_destination(record, called.data.get("revision"))
        return token

    def read(self, name: str) -> StoredRecord:
        """See `RecordStore.read`. What stands for a secret is a reference that nobody resolves."""
        try:
            return self._remembered(self._asked("GET", name))
        except RecordFault:
            self._known.pop(name, None)
            raise

    def recent(self, name: str) -> StoredRecord:
        """The record as it was some seconds ago at most (`LOOK_SECONDS`); while the server is away, as it was last."""
        known = self._known.get(name)
        if known is not None and self._clock.monotonic() - known[0] < LOOK_SECONDS:
            return known[1]
        try:
            return self.read(name)
        except TryLater:
            if known is None:
                raise
            return known[1]

    def create(self, record: Record) -> StoredRecord:
        """See `RecordStore.create`. A lost answer is asked for once more, which creates nothing twice."""
        record = checked(record)
        headers = (("Idempotency-Key", self._key()),)
        content = json_of(document_of(record))
        try:
            called = self._calls("POST", "/records", content=content, headers=headers)
        except TryLater as error:
            if error.code != AWAY:
                raise
            called = self._calls("POST", "/records", content=content, headers=headers)
        return self._remembered(called)

    def update(self, name: str, record: Record, *, revision: int | None) -> StoredRecord:
        """See `RecordStore.update`. A secret that the server has stays; a record keeps its name (`name_conflict`)."""
        record = checked(record)
        headers = (("If-Match", self._etag(name, revision)),)
        content = json_of(document_of(record))
        return self._remembered(self._asked("PUT", name, content=content, headers=headers))

    def delete(self, name: str, *, revision: int | None = None) -> None:
        """See `RecordStore.delete`. The server gives the tokens back to the provider where it takes them."""
        headers = () if revision is None else (("If-Match", self._etag(name, revision)),)
        self._asked("DELETE", name, headers=headers)
        self._known.pop(name, None)

    def page(self, wanted: Filter, *, after: str = "", limit: int = MOST_LINES) -> Page:
        """See `RecordStore.page`."""
        given = {
            "name": wanted.name,
            "tag": wanted.tag,
            "auth_type": wanted.auth_type,
            "grant": wanted.grant,
            "state": wanted.state,
            "after": after,
        }
        query = {key: value for key, value in given.items() if value}
        query["limit"] = str(min(limit, MOST_LINES))
        return page_from(self._calls("GET", "/records", query=query).data, self.place)

    def names(self) -> Iterator[str]:
        """See `RecordStore.names`."""
        after = ""
        while True:
            page = self.page(Filter(), after=after)
            yield from (line.name for line in page.lines)
            after = page.after
            if not after:
                return

    def holds(self, name: str) -> bool:
        """Whether there is a record of that name."""
        return self.revision_of(name) is not None

    def count(self) -> int:
        """How many records there are: every page of the list is asked for."""
        return sum(1 for _ in self.names())

    def revision_of(self, name: str) -> tuple[str, int] | None:
        """Identity and revision of a record; `None` where there is none."""
        try:
            found = self.read(name)
        except RecordFault as fault:
            if fault.code != "unknown_record":
                raise
            return None
        return found.identity, found.revision

    def revisions_of(self, names: Iterable[str]) -> dict[str, tuple[str, int] | None]:
        """The same of each of `names`; as it was asked for within the last seconds (`LOOK_SECONDS`)."""
        wanted = list(names)
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_SECONDS or not self._revisions.keys() >= set(wanted):
            self._revisions = {name: self.revision_of(name) for name in wanted}
            self._looked_at = now
        return {name: self._revisions[name] for name in wanted}

    def check(self, name: str, url: str) -> tuple[Mapping[str, Any], ...]:
        """The steps of the server's own check of a record, on `url` where one is given; see `POST …/check`."""
        called = self._asked("POST", name, "check", content=json_of({"url": url}))
        steps = called.data.get("steps")
        return tuple(one for one in steps if isinstance(one, Mapping)) if isinstance(steps, list) else ()

    def load(self, key: TokenKey) -> Token | None:
        """Not from here; see the class."""
        self._at_the_server()

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """Not from here; see the class."""
        self._at_the_server()

    def intend(self, claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        """Not from here; see the class."""
        self._at_the_server()

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Not from here; see the class."""
        self._at_the_server()

    def fingerprint(self, secret: Secret) -> str:
        """Not from here; see the class."""
        self._at_the_server()

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """Not from here; see the class."""
        self._at_the_server()

    def release(self, claim: Claim) -> None:
        """Not from here; see the class."""
        self._at_the_server()

    def forget(self, key: TokenKey) -> None:
        """Not from here; see the class."""
        self._at_the_server()

    def close(self) -> None:
        """Nothing is open: whoever gave the sender closes it."""

    def _check_destination(self, record: Record, revision: object) -> None:
        """`revision`: of the record that a credential was given for."""
        _, stored = self._known.get(record.name, (0.0, None))
        if stored is None or stored.revision != revision:
            stored = self.read(record.name)
        if stored.record is not record and destination_digest(stored.record) != destination_digest(record):
            raise RecordFault(
                f"record {record.name!r} was changed at {self.place}: its credential may go elsewhere now.",
                hint="Attach it again, or open the records again: then it is read anew.",
                code="changed_at_server",
            )

    def _remembered(self, called: Called) -> StoredRecord:
        stored = stored_from(called.data, self.place)
        if len(self._known) >= MOST_REMEMBERED:
            self._known = {}
        self._known[stored.record.name] = (self._clock.monotonic(), stored)
        return stored

    def _at_the_server(self) -> NoReturn:
        raise StoreFault(
            f"the logins of its records are kept by {self.place} itself.",
            hint="Do this at the server's page, or where its database is.",
            code="at_the_server",
        )

    def _etag(self, name: str, revision: int | None) -> str:
        """The entity tag of the record as it is. Raises `RecordFault` (code `stale`) for another revision."""
        called = self._asked("GET", name)
        if revision is not None and called.data.get("revision") != revision:
            raise RecordFault(
                "the record has changed meanwhile.", hint="Read it again.", field="name", code="stale"
            )
        return called.etag

    def _asked(
        self,
        method: str,
        name: str,
        *more: str,
        content: Secret | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Called:
        """A call about a record. No name that none may have reaches an address."""
        import re

        if not re.fullmatch(NAME_PATTERN, name) or name in {".", ".."}:
            raise RecordFault(
                f"{self.place} holds no record {name[:100]!r}.",
                field="name",
                hint="See `authrecord list`.",
                code="unknown_record",
            )
        return self._calls(method, place_of(name, *more), name=name, content=content, headers=headers)
