"""Which format a text is, and the way to its importer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..core.errors import DocumentFault
from ..documents.formats import LARGEST, Format, parse
from ..documents.tree import Parsed
from . import bruno, curl, hoppscotch, insomnia, openapi, opencollection, postman
from .draft import Imported, refused

DOCUMENT: Final = "document"
"""A document of records: not foreign, `documents` reads it."""

_Importer = tuple[Callable[[Any], bool], Callable[[Any], Imported]]

_OF_TEXT: Final[dict[str, _Importer]] = {
    "curl": (curl.is_command, curl.read),
    "bruno": (bruno.is_bru, bruno.read),
}
_OF_DATA: Final[dict[str, _Importer]] = {
    "openapi": (openapi.is_description, openapi.read),
    "postman": (postman.is_collection, postman.read),
    "opencollection": (opencollection.is_collection, opencollection.read),
    "insomnia": (insomnia.is_collection, insomnia.read),
    "hoppscotch": (hoppscotch.is_collection, hoppscotch.read),
}
_BRUNO: Final = ("bruno", "opencollection")

FORMATS: Final = ("curl", "openapi", "postman", "bruno", "insomnia", "hoppscotch", DOCUMENT)
"""What a person may name. Bruno has two formats; which one a text is shows by itself."""


def recognize(text: str) -> str:
    """The name of the format: one of the importers', or `document` for all else."""
    return _recognized(text)[0]


def read(text: str, format: str = "") -> Imported | None:
    """The drafts in a text of `format`, or of the format that it looks like; `None` for a document of records.

    Raises `DocumentFault` when it is not what `format` says, or holds nothing to take.
    """
    if format == DOCUMENT:
        return None
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST:
        raise refused(f"is larger than {LARGEST // 1024 // 1024} MiB.")
    found, parsed = _recognized(text)
    if format and found != format and not (format in _BRUNO and found in _BRUNO):
        raise refused(f"does not look like {format}.", "Leave the format out to have it recognised.")
    if found in _OF_TEXT:
        return _OF_TEXT[found][1](text)
    if found not in _OF_DATA or parsed is None:
        return None
    if parsed.faults:  # a key that stands twice, a tag: what the parser could read past
        raise DocumentFault(parsed.faults, source="the text")
    return _OF_DATA[found][1](parsed.data)


def _recognized(text: str) -> tuple[str, Parsed | None]:
    """The name of the format, and the text's plain data where it had to be parsed for that."""
    for name, (is_it, _) in _OF_TEXT.items():
        if is_it(text):
            return name, None
    try:
        parsed = parse(text, Format.JSON if text.lstrip()[:1] in ("{", "[") else Format.YAML)
    except DocumentFault:
        return DOCUMENT, None  # whose reader says what is wrong
    return next((name for name, (is_it, _) in _OF_DATA.items() if is_it(parsed.data)), DOCUMENT), parsed
