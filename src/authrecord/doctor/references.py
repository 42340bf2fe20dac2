"""Step: every reference of the record leads to a secret, and what it leads to looks like one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from ..core.contracts import Resolver
from ..core.errors import RecordFault
from ..core.messages import plain
from ..core.secret import Reference, Secret
from ..documents.plain import mapping_of
from ..record import Record
from .step import Step, failed_by, note, ok

NAME = "secrets"

_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Control and format characters, separators of lines: what comes along when a secret is copied from a page."""


def check_references(record: Record, resolve: Resolver) -> tuple[Step, tuple[Secret, ...]]:
    """The step, and every secret of the record, found now, for the witness to mask."""
    found: list[Secret] = []
    details: list[str] = []
    odd = ""
    for path, source in _sources(mapping_of(record), ""):
        where = "stands in the document" if isinstance(source, Secret) else str(source)
        try:
            secret = resolve(source) if isinstance(source, Reference) else source
        except RecordFault as fault:
            return failed_by(NAME, fault, *details, f"{path}: {where}"), tuple(found)
        found.append(secret)
        remark = _remark(secret)
        odd = odd or (f"{path} {remark}" if remark else "")
        details.append(f"{path}: {where}{', ' + remark if remark else ''}")
    if odd:
        advice = f"Look at {odd.partition(' ')[0]}: such a value is rarely meant."
        return note(NAME, f"{odd}.", *details, advice=advice), tuple(found)
    count = len(found)
    words = "the record holds no secret" if not count else f"{count} found" if count > 1 else "1 found"
    return ok(NAME, words, *details), tuple(found)


def _sources(value: object, path: str) -> Iterator[tuple[str, Secret | Reference]]:
    if isinstance(value, (Secret, Reference)):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _sources(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _sources(item, f"{path}[{index}]")


def _remark(secret: Secret) -> str:
    """What is odd about a secret, in words that tell nothing of it."""
    text = plain(secret)
    if text.startswith("-----BEGIN "):
        return ""  # a key in PEM has lines, and a line end behind the last
    if text != text.strip():
        return "begins or ends with a space or a line break"
    if any(unicodedata.category(character) in _UNSEEN for character in text):
        return "holds a character that cannot be seen"
    if text[:1] in {'"', "'"} and text[-1:] == text[:1]:
        return "is in quotation marks, which are sent with it"
    if text.lower().startswith(("bearer ", "basic ")):
        return "begins with the name of a scheme, which is sent twice then"
    return ""
