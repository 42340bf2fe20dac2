"""Floor 2: documents. YAML, JSON and TOML to records and back, their JSON Schema, and the description of forms.

The law of this room: it imports `record`, `grants`, `schemes` and `core`. It is the only parser of records and
holds no list of fields of its own: it walks the descriptions that the classes declare. It never resolves a
reference, never opens a socket, and never puts a value into a message.

The names below are loaded when they are first used: a command with a live token needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .digest import destination_digest, token_digest
    from .edit import remove, upsert
    from .form import FormField, FormGroup, form_of
    from .formats import Format, format_of
    from .patterns import compile_pattern
    from .reading import checked, read, read_file, records_from
    from .schema import json_schema
    from .warning import warnings_of
    from .writing import LeftOut, Written, write

_MODULES: Final = {
    "FormField": "form",
    "FormGroup": "form",
    "Format": "formats",
    "LeftOut": "writing",
    "Written": "writing",
    "checked": "reading",
    "compile_pattern": "patterns",
    "destination_digest": "digest",
    "form_of": "form",
    "format_of": "formats",
    "json_schema": "schema",
    "read": "reading",
    "read_file": "reading",
    "records_from": "reading",
    "remove": "edit",
    "token_digest": "digest",
    "upsert": "edit",
    "warnings_of": "warning",
    "write": "writing",
}

__all__ = [
    "FormField",
    "FormGroup",
    "Format",
    "LeftOut",
    "Written",
    "checked",
    "compile_pattern",
    "destination_digest",
    "form_of",
    "format_of",
    "json_schema",
    "read",
    "read_file",
    "records_from",
    "remove",
    "token_digest",
    "upsert",
    "warnings_of",
    "write",
]


def __getattr__(name: str) -> Any:
    """A public name, from its module (PEP 562). Raises `AttributeError` for any other."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
