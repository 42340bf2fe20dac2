"""Walks through what a record does, from the document to the API, and gives each step as it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ..documents import warnings_of
from ..record import OAuth2, Record
from ..stores.references import resolver
from ..wiring import Records, Settings
from .api import check_api
from .obtaining import check_token
from .pattern import check_pattern
from .provider import check_discovery
from .references import check_references
from .step import Step, Verdict, note, ok, skipped
from .storage import check_store
from .witness import Witness

STEPS: Final = {
    "record": "Record",
    "secrets": "Secrets",
    "store": "Store",
    "discovery": "Discovery",
    "token": "Token",
    "api": "API",
    "pattern": "Pattern",
}
"""The steps in their order, with their headings."""


def walk(
    records: Records,
    record: Record,
    witness: Witness,
    settings: Settings,
    *,
    seconds: Callable[[], float],
    url: str = "",
    sample: bytes | None = None,
) -> Iterator[Step]:
    """Every step, as it ends; after one that failed only the pattern, which depends on none.

    `witness` is the sender of the keeper of `records`. `url`: where to send a request; empty for none.
    `sample`: an answer for the expired message pattern. `seconds`: a clock that never goes back.
    """
    for run in _steps(records, record, witness, settings, url):
        began = seconds()
        step = run()
        yield replace(step, seconds=seconds() - began)
        if step.verdict is Verdict.FAILED:
            break
    pattern = check_pattern(record, sample)
    if pattern is not None:
        yield pattern


def _steps(
    records: Records, record: Record, witness: Witness, settings: Settings, url: str
) -> Iterator[Callable[[], Step]]:
    """What to do, in order: each depends on those before it."""
    auth = record.auth
    yield lambda: _record(record, sealed=records.store is not None)
    yield lambda: _secrets(records, record, witness, settings)
    if isinstance(auth, OAuth2):
        yield lambda: check_store(records, record, settings)
        if auth.issuer:
            yield lambda: check_discovery(records.keeper, record, auth, witness)
        yield lambda: check_token(records, record, auth, witness)
    if url:
        yield lambda: check_api(records, record, url)
    else:
        yield lambda: skipped("api", "no URL was given to try it on")


def _record(record: Record, *, sealed: bool) -> Step:
    """The record was read without a fault before this; what is left are warnings."""
    warnings = warnings_of(record, sealed=sealed)
    if not warnings:
        return ok("record", "written correctly")
    first = warnings[0]
    return note(
        "record",
        f"{first.path} {first.message}",
        *(str(one) for one in warnings[1:]),
        advice=f"{first.path}: {first.hint or first.message}",
    )


def _secrets(records: Records, record: Record, witness: Witness, settings: Settings) -> Step:
    resolve = resolver(
        settings.environment,
        base=records.base,
        allow_commands=settings.allow_commands,
    )
    step, secrets = check_references(record, resolve)
    witness.secrets.extend(secrets)
    return step
