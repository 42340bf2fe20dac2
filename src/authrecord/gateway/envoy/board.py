"""The credentials as Envoy gets them: the newest of each record, and who waits for a newer one.

It belongs to one event loop. A credential that Envoy still carries although a newer one was handed over is found
again by its value, so that a late refusal of an old token costs no renewal.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Iterable
from typing import Final

from ...clients.wire import wire_of
from ...core.secret import Secret
from ...keeper.live import Live
from .callers import CALLER, PROOFS, keys_of
from .giving import NOTHING
from .leaves import Leaves
from .messages import FILTER_TYPE, SECRET_TYPE, keys_bytes, secret_bytes
from .placement import Placement

MOST_REMEMBERED: Final = 8
"""Credentials of one record that are recognised."""


class Watch:
    """One Envoy's view: which records changed since it asked.

    `names`: the records that it wants. `held`: those whose credentials it has from a control process before this one.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.held: set[str] = set()
        self._changed: dict[str, None] = {}
        self._woken = asyncio.Event()

    def wants(self, names: Iterable[str]) -> None:
        """These too, from now on, and as they are now."""
        for name in names:
            self.names.add(name)
            self._changed[name] = None
        self._woken.set()

    def leaves(self, names: Iterable[str]) -> None:
        """These no longer."""
        self.names.difference_update(names)

    def changed(self, name: str) -> None:
        """A record has another credential."""
        if name in self.names:
            self._changed[name] = None
            self._woken.set()

    async def next(self, most: int) -> list[str]:
        """Up to `most` records that changed; waits for the first."""
        await self._woken.wait()
        names = list(self._changed)[:most]
        for name in names:
            del self._changed[name]
        if not self._changed:
            self._woken.clear()
        return [name for name in names if name in self.names]


class Board:
    """Takes credentials, and tells every watching Envoy. `password`: of callers, where Envoy asks us for it."""

    def __init__(
        self, placements: Iterable[Placement], leaves: Leaves | None = None, password: Secret | None = None
    ) -> None:
        self._leaves = leaves
        self._password = password
        self._placements = {one.record: one for one in placements}
        self._values: dict[str, deque[tuple[str, Live]]] = {}
        self._versions: dict[str, int] = {}
        self._expected: set[str] = set()
        self._missed: set[str] = set()
        self._watches: set[Watch] = set()
        self.renewals = 0
        """How often a credential took the place of another."""

    def knows(self, name: str) -> bool:
        """True for a record that some rule uses, and for a host whose certificate is ours to make."""
        return (
            name in self._placements
            or name == NOTHING
            or (name == CALLER and self._password is not None)
            or (self._leaves is not None and self._leaves.knows(name))
        )

    def place(self, placements: Iterable[Placement]) -> None:
        """The rules have changed: these records are used from now on."""
        self._placements = {one.record: one for one in placements}
        for gone in self._values.keys() - self._placements.keys():
            del self._values[gone]

    def expects(self, records: Iterable[str]) -> None:
        """The first credential of these is being obtained; until it is there, or known to be missing, wait."""
        self._expected.update(record for record in records if record not in self._values)

    def misses(self, record: str) -> None:
        """No credential could be had. An Envoy that has one from before goes on with it."""
        if record in self._expected:
            self._expected.discard(record)
            self._missed.add(record)
            self._tell(record)

    def withdraw(self, record: str) -> None:
        """The credential has run out and no other can be had: requests are refused, and not sent with it."""
        self._expected.discard(record)
        self._missed.discard(record)
        self._values.pop(record, None)
        self._versions[record] = self._versions.get(record, 0) + 1
        self._tell(record)

    def is_told(self, record: str, watch: Watch) -> bool:
        """False while an Envoy learns nothing about a record, so that it waits, or keeps what it has."""
        if record == CALLER and self._password is None:
            return False
        return record not in self._expected and not (record in self._missed and record in watch.held)

    def put(self, record: str, live: Live) -> None:
        """The record's credential from now on. Raises `RecordFault` for one that HTTP cannot carry."""
        placement = self._placements.get(record)
        if placement is None:
            return
        value = placement.value(wire_of(live))
        held = self._values.setdefault(record, deque(maxlen=MOST_REMEMBERED))
        if held and held[-1][0] == value:
            held[-1] = (value, live)
            return
        self.renewals += bool(held)
        held.append((value, live))
        self._expected.discard(record)
        self._missed.discard(record)
        self._versions[record] = self._versions.get(record, 0) + 1
        self._tell(record)

    def newest(self, record: str) -> str | None:
        """The value that is injected now; `None` while there is none."""
        held = self._values.get(record)
        return held[-1][0] if held else None

    def found(self, record: str, value: str) -> Live | None:
        """The credential that was injected as `value`; `None` for one that is not remembered."""
        for known, live in reversed(self._values.get(record, deque())):
            if hmac.compare_digest(known.encode(), value.encode("utf-8", "replace")):
                return live
        return None

    def renew_leaves(self) -> None:
        """Every certificate anew, and to every Envoy."""
        for name in () if self._leaves is None else self._leaves.renew():
            for watch in self._watches:
                watch.changed(name)

    def resource(self, record: str) -> tuple[str, bytes]:
        """Version and serialised secret. A record without a credential has an empty one: Envoy then sends nothing."""
        if self._leaves is not None and self._leaves.knows(record):
            return self._leaves.resource(record)
        if record == CALLER and self._password is not None:
            return "1", keys_bytes(CALLER, keys_of(self._password), PROOFS)
        return str(self._versions.get(record, 0)), secret_bytes(record, (self.newest(record) or "").encode())

    @staticmethod
    def type_of(name: str) -> str:
        """Envoy's name for the kind of a resource."""
        return FILTER_TYPE if name == CALLER else SECRET_TYPE

    def watch(self) -> Watch:
        """A view for one Envoy, until `forget`."""
        watch = Watch()
        self._watches.add(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        """That Envoy is gone."""
        self._watches.discard(watch)

    def _tell(self, record: str) -> None:
        for watch in self._watches:
            watch.changed(record)
