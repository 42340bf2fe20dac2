"""The one description of a field: label, key, help, kind, rules. Forms, CLI, JSON Schema and docs all read it.

A class of a record declares its fields with `described(...)`; the key is the attribute's name. Nothing else in
the code base may write a label or a help text a second time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class Kind(Enum):
    """What a field holds; it decides how the field is read, checked, shown and drawn."""

    TEXT = "text"
    LONG_TEXT = "long text"
    NAME = "name"
    TAGS = "tags"
    ORIGINS = "origins"
    URL = "url"
    CALLBACK_URL = "callback url"
    SCOPE = "scope"
    HEADER_NAME = "header name"
    HEADER_PREFIX = "header prefix"
    QUERY_NAME = "query name"
    SECRET = "secret"
    SENSITIVE_TEXT = "sensitive text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    PATTERN = "pattern"
    JSON_POINTER = "json pointer"
    PARAMETERS = "parameters"
    FILE = "file"


AUTHORIZATION_CODE: Final = "authorization_code"
IMPLICIT: Final = "implicit"
PASSWORD: Final = "password"
CLIENT_CREDENTIALS: Final = "client_credentials"

GRANTS: Final = (AUTHORIZATION_CODE, IMPLICIT, PASSWORD, CLIENT_CREDENTIALS)
"""The grant types, in the seed's order."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a choice: `key` as a document holds it, `label` and `help` as a form shows it."""

    key: str
    label: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    `grants`: the grant types it applies to, empty for "all" (bearer and API key fields have none to name).
    `needed_for`: the grant types for which it must be given, unless `needed_unless`, (key in the same group,
    value), holds; `required`: it must be given whenever its group stands. `only_with`: (key in the same group,
    value) that makes the field apply. `beyond_seed`: the seed document does not have it. `group_class`: for a
    nested group, its class.
    """

    label: str
    help: str
    kind: Kind = Kind.TEXT
    choices: tuple[Choice, ...] = ()
    grants: tuple[str, ...] = ()
    needed_for: tuple[str, ...] = ()
    needed_unless: tuple[str, bool] | None = None
    required: bool = False
    only_with: tuple[str, str] | None = None
    beyond_seed: bool = False
    group_class: type | None = None
    places: tuple[str, ...] = ()
    key: str = ""
    default: Any = None

    @property
    def is_secret(self) -> bool:
        """True for a field whose value is never shown."""
        return self.kind is Kind.SECRET

    def applies_to(self, grant: str) -> bool:
        """True when the field belongs to `grant`."""
        return not self.grants or grant in self.grants

    def is_needed(self, grant: str, siblings: Mapping[str, object]) -> bool:
        """True when a value must be given for `grant` beside the `siblings` of the same group."""
        if self.required:
            return True
        excused = (
            self.needed_unless is not None and siblings.get(self.needed_unless[0]) == self.needed_unless[1]
        )
        return grant in self.needed_for and not excused


_METADATA_KEY: Final = "authrecord"


def described(label: str, help: str, *, default: Any = dataclasses.MISSING, **rules: Any) -> Any:
    """A dataclass field with its description. `rules` are the attributes of `Field`."""
    field = Field(label, help, **rules)
    return dataclasses.field(default=default, metadata={_METADATA_KEY: field})


def fields_of(group: type) -> Iterator[Field]:
    """The described fields of a class, in order, each with its key and default filled in."""
    for declared in dataclasses.fields(group):
        field = declared.metadata.get(_METADATA_KEY)
        if field is None:
            continue
        default = None if declared.default is dataclasses.MISSING else declared.default
        yield dataclasses.replace(field, key=declared.name, default=default)
