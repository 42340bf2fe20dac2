"""The three formats of a document, and the door to their parsers."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import PurePath
from typing import Final

from ..core.errors import RecordFault
from .tree import Parsed, syntax_fault

LARGEST: Final = 4 * 1024 * 1024
"""Bytes that a document may have."""


class Format(Enum):
    """How a document is written; one shape for all three."""

    YAML = "yaml"
    JSON = "json"
    TOML = "toml"


_SUFFIXES: Final = {".yaml": Format.YAML, ".yml": Format.YAML, ".json": Format.JSON, ".toml": Format.TOML}


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a file's suffix names. Raises `RecordFault` for any other suffix."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise RecordFault(
            "the format of the document is not known from its name.",
            hint="Name it .yaml, .yml, .json or .toml.",
        )
    return _SUFFIXES[suffix]


def parse(text: str, document_format: Format, source: str = "") -> Parsed:
    """Plain data of `text`, with lines. Raises `DocumentFault` when it cannot be parsed or is too large."""
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST or len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise syntax_fault(f"is larger than {LARGEST // 1024 // 1024} MiB", None, source=source)
    if document_format is Format.YAML:
        from . import yaml_text

        return yaml_text.parse(text, source)
    if document_format is Format.JSON:
        from . import json_text

        return json_text.parse(text, source)
    from . import toml_text

    return toml_text.parse(text, source)
