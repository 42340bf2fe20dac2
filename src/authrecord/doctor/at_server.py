"""The check of a record that a server keeps: the server walks, since the secrets and the provider are its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.errors import AuthrecordError
from ..grants.words import safe_words
from ..record import Record
from ..stores.remote.store import RemoteStore
from .pattern import check_pattern
from .step import Step, Verdict, failed_by, ok


def walk_at_server(store: RemoteStore, record: Record, *, url: str, sample: bytes | None) -> Iterator[Step]:
    """Each step of the server at `store`, and the pattern's, which is tried here. `url`, `sample`: see `walk`."""
    yield ok("record", f"kept by {store.place}, which walks from here on")
    try:
        yield from (_step(one) for one in store.check(record.name, url) if one.get("name") != "record")
    except AuthrecordError as error:
        yield failed_by("store", error)
    pattern = check_pattern(record, sample)
    if pattern is not None:
        yield pattern


def _step(one: Mapping[str, Any]) -> Step:
    """A step in an answer. A word that is not known here counts as a failure: it may be one."""
    verdicts = {verdict.value: verdict for verdict in Verdict}
    details = one.get("details")
    return Step(
        name=safe_words(one.get("name")),
        verdict=verdicts.get(str(one.get("verdict")), Verdict.FAILED),
        summary=safe_words(one.get("summary")),
        details=tuple(safe_words(text) for text in details) if isinstance(details, list) else (),
        advice=safe_words(one.get("advice")),
    )
