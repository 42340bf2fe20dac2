"""The reference page of all fields, and the schema's file, both made from the descriptions.

`python -m authrecord.documents.reference [FOLDER]` writes `reference/record.md` and
`schema/authrecord.schema.json` below FOLDER (default: `docs`). A test holds the kept files against this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from ..core.fields import Field, Kind, fields_of
from ..grants.settings import Parameter
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record
from .schema import json_schema

PAGE = "reference/record.md"
SCHEMA = "schema/authrecord.schema.json"

_INTRODUCTION = """\
# The record: every field

This page is written by `python -m authrecord.documents.reference`; change the descriptions, not the page.

A document holds `records:` and a list, a bare list, or one record; in YAML, JSON or TOML, one shape for all.
A secret is written as it is, or as a reference that is resolved when it is needed: `${env:NAME}`, `${file:path}`,
`${keyring:service/name}`, `${command:…}`. AC is Authorization Code, IM Implicit, PW Password Credentials,
CC Client Credentials; ● says that a field applies, and where it does not a document that sets it is refused.
"""


def page() -> str:
    """The reference page, in Markdown."""
    parts = [_INTRODUCTION, _heading("Every record", ""), _table(Record, grants=False, skip=("auth",))]
    for kind in AUTH_TYPES:
        parts += [_heading(kind.label, f"auth.type: {kind.type}"), _table(kind, grants=kind is OAuth2)]
        if kind is OAuth2:
            parts += list(_groups(kind))
    parts += [_heading("One parameter", "an item of a list of parameters"), _table(Parameter, grants=False)]
    parts += [_heading("Choices", ""), *_choices()]
    return "\n".join(parts)


def schema_text() -> str:
    """The schema as its file holds it."""
    import json

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _groups(kind: type) -> Iterator[str]:
    for field in fields_of(kind):
        if field.group_class is not None:
            yield _heading(field.label, f"auth.{field.key}")
            yield f"{field.help}\n"
            yield _table(field.group_class, grants=True)


def _heading(label: str, key: str) -> str:
    return f"## {label} (`{key}`)\n" if key else f"## {label}\n"


def _table(group: type, *, grants: bool, skip: tuple[str, ...] = ()) -> str:
    marks = " AC | IM | PW | CC |" if grants else ""
    rules = "---|---|---|---|" if grants else ""
    lines = [f"| Label | Key | Default |{marks} Meaning |", f"|---|---|---|{rules}---|"]
    for field in fields_of(group):
        if field.key in skip or (field.group_class is not None and field.kind is not Kind.PARAMETERS):
            continue
        lines.append(_row(field, grants=grants))
    return "\n".join(lines) + "\n"


def _row(field: Field, *, grants: bool) -> str:
    applies = (
        [" ● |" if field.applies_to(choice.key) else "  |" for choice in GRANT_CHOICES] if grants else []
    )
    beyond = " Beyond the seed." if field.beyond_seed else ""
    only = f" Only where `{field.only_with[0]}` is `{field.only_with[1]}`." if field.only_with else ""
    meaning = f"{_told(field)}{only}{beyond}".replace("|", "\\|")
    return f"| {field.label} | `{field.key}` | {_default(field)} |{''.join(applies)} {meaning} |"


def _told(field: Field) -> str:
    if field.kind is Kind.SECRET:
        return f"{field.help} Secret."
    return field.help


def _default(field: Field) -> str:
    if field.required or field.needed_for:
        return "required"
    if isinstance(field.default, bool):
        return "true" if field.default else "false"
    return f"`{field.default}`" if isinstance(field.default, str) and field.default else ""


def _choices() -> Iterator[str]:
    """A table of each choice's keys, once."""
    groups: list[tuple[str, type]] = [(f"auth ({kind.label})", kind) for kind in AUTH_TYPES]
    groups += [(f"auth.{field.key}", field.group_class) for field in fields_of(OAuth2) if field.group_class]
    groups.append(("parameter", Parameter))
    for where, group in groups:
        for field in fields_of(group):
            if field.choices:
                yield f"### {field.label}: `{field.key}` in {where}\n\n| Key | Label | |\n|---|---|---|"
                yield "\n".join(f"| `{one.key}` | {one.label} | {one.help} |" for one in field.choices) + "\n"


def main(folder: str = "docs") -> None:
    """Write both files below `folder`."""
    for name, text in ((PAGE, page()), (SCHEMA, schema_text())):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:2])
