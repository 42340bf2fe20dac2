"""The walk through a store: where it is, what is in it, what time it is, and what surrounds it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from ..core.errors import AuthrecordError
from ..keeper.ports import Sender
from ..stores.sql.backend import Backend
from ..stores.sql.checkpoints import Checkpoint
from ..stores.sql.vault import Vault
from .clocks import check_clocks
from .contents import (
    Progress,
    check_audit,
    check_integrity,
    check_key,
    check_restored,
    check_schema,
    check_seals,
)
from .place import check_file, check_key_place, check_spool, check_url
from .step import Step, Verdict, failed_by, ok, skipped
from .surroundings import check_surroundings

STEPS: Final = {
    "place": "Place",
    "key place": "Key's place",
    "schema": "Tables",
    "integrity": "Integrity",
    "key": "Key",
    "seals": "Seals",
    "audit": "Audit log",
    "restored": "Copy",
    "spool": "Waiting",
    "clock": "Clock",
    "surroundings": "Requests",
}
"""Every step, with its title, in order."""


@dataclass(frozen=True, slots=True)
class Patient:
    """The store to look at.

    `url`: of the store. `path`: of its file, empty for PostgreSQL. `key_source`: where its key is. `origins`:
    providers whose clocks are asked.
    """

    url: str
    path: str
    key_source: str
    environment: Mapping[str, str]
    open_backend: Callable[[], Backend]
    open_vault: Callable[[], Vault]
    checkpoints: Sequence[Checkpoint] = ()
    origins: Sequence[str] = ()


def walk_store(
    patient: Patient,
    send: Sender,
    *,
    now: Callable[[], float],
    seconds: Callable[[], float],
    progress: Progress = lambda opened: None,
) -> Iterator[Step]:
    """Each step as it ends. Changes nothing; one that cannot be done is skipped, the others go on.

    `now`: UTC seconds; `seconds`: a clock that never goes back.
    """
    began = seconds()
    for step in _steps(patient, send, now, progress):
        yield replace(step, seconds=seconds() - began)
        began = seconds()


def _steps(patient: Patient, send: Sender, now: Callable[[], float], progress: Progress) -> Iterator[Step]:
    if patient.path and not os.path.lexists(patient.path):
        yield ok("place", f"there is no store at {patient.path} yet: the first record or login makes it")
        yield from _without_store(patient, send, now, "there is no store yet")
        return
    if patient.path:
        place = check_file(patient.path)
        yield place
        if place.verdict is Verdict.FAILED:
            yield from _without_store(patient, send, now, "the store is not opened where it is")
            return
    try:
        backend = patient.open_backend()
    except AuthrecordError as error:
        yield failed_by("place", error)
        yield from _without_store(patient, send, now, "the store cannot be opened")
        return
    with closing(backend):
        if not patient.path:
            yield check_url(patient.url, backend.place)
        yield check_key_place(patient.key_source, patient.path)
        yield from _contents(patient, backend, progress)
        yield check_spool(patient.environment)
        yield check_clocks(backend, patient.origins, send, now=now)
    yield check_surroundings(patient.environment)


def _without_store(patient: Patient, send: Sender, now: Callable[[], float], why: str) -> Iterator[Step]:
    yield check_key_place(patient.key_source, patient.path)
    for name in ("schema", "integrity", "key", "seals", "audit", "restored"):
        yield skipped(name, why)
    yield check_spool(patient.environment)
    yield check_clocks(None, patient.origins, send, now=now)
    yield check_surroundings(patient.environment)


def _contents(patient: Patient, backend: Backend, progress: Progress) -> Iterator[Step]:
    schema = check_schema(backend)
    yield schema
    yield check_integrity(backend)
    if schema.verdict is not Verdict.OK:
        for name in ("key", "seals", "audit", "restored"):
            yield skipped(name, "the tables are not this program's")
        return
    yield from _sealed(patient, backend, progress)
    yield check_restored(backend)


def _sealed(patient: Patient, backend: Backend, progress: Progress) -> Iterator[Step]:
    """What can be told with the key only."""
    try:
        vault = patient.open_vault()
    except AuthrecordError as error:
        key = failed_by("key", error)
    else:
        key = check_key(backend, vault)
        if key.verdict is Verdict.OK:
            yield key
            yield check_seals(backend, vault, progress)
            yield check_audit(backend, vault, patient.checkpoints)
            return
    yield key
    for name in ("seals", "audit"):
        yield skipped(name, "nobody can tell without the key")
