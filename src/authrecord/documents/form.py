"""What a form shows for an auth type and a grant type: groups and fields in the seed's order. Data only.

The page, the command line's prompts and the generated reference draw this; nothing else decides what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.fields import Choice, Field, Kind, fields_of
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: `path` in the record (`auth.token_exchange.url`), what to show, what it holds when untouched.

    `columns`: for a list of parameters, the fields of one line. `only_with`: (path of another field, value) that
    makes this one visible. `beyond_seed`: shown after the seed's own fields, or folded away.
    """

    path: str
    label: str
    help: str
    kind: Kind
    choices: tuple[Choice, ...]
    default: Any
    required: bool
    beyond_seed: bool
    only_with: tuple[str, str] | None = None
    columns: tuple[FormField, ...] = ()


@dataclass(frozen=True, slots=True)
class FormGroup:
    """Fields under one heading, in order: the seed's first, then those beyond it."""

    path: str
    label: str
    help: str
    fields: tuple[FormField, ...]


def form_of(auth_type: str, grant: str = "") -> tuple[FormGroup, ...]:
    """The groups of the form for an auth type (`bearer`, `api_key`, `oauth2`) and, for OAuth 2.0, a grant type.

    Raises `ValueError` for names that are none.
    """
    kind = next((kind for kind in AUTH_TYPES if kind.type == auth_type), None)
    if kind is None or (kind is OAuth2) != any(grant == choice.key for choice in GRANT_CHOICES):
        raise ValueError("no auth type or grant type of that name")
    first = FormGroup("", Record.label, _doc(Record), _fields(Record, "", ""))
    own = _fields(kind, "auth", grant)
    groups = [
        FormGroup(
            f"auth.{field.key}",
            field.label,
            field.help,
            _fields(field.group_class, f"auth.{field.key}", grant),
        )
        for field in fields_of(kind)
        if field.group_class is not None and field.applies_to(grant)
    ]
    return (first, FormGroup("auth", kind.label, _doc(kind), own), *groups)


def _doc(group: type) -> str:
    """The first sentence of a class's docstring after its label: the seed's words about it."""
    text = (group.__doc__ or "").strip().partition("\n")[0]
    return text.partition(": ")[2] or text


def _fields(group: type, path: str, grant: str) -> tuple[FormField, ...]:
    """The fields of a group that hold a value themselves and apply to `grant`, the seed's first."""
    fields = [
        field
        for field in fields_of(group)
        if field.key != "auth"
        and (field.group_class is None or field.kind is Kind.PARAMETERS)
        and (not grant or field.applies_to(grant))
    ]
    ordered = sorted(fields, key=lambda field: field.beyond_seed)
    return tuple(_shown(field, path) for field in ordered)


def _shown(field: Field, path: str) -> FormField:
    return FormField(
        path=_joined(path, field.key),
        label=field.label,
        help=field.help,
        kind=field.kind,
        choices=field.choices,
        default=field.default,
        required=field.required or bool(field.needed_for),
        beyond_seed=field.beyond_seed,
        only_with=None
        if field.only_with is None
        else (_joined(path, field.only_with[0]), field.only_with[1]),
        columns=_columns(field, path),
    )


def _columns(field: Field, path: str) -> tuple[FormField, ...]:
    """The columns of a list of parameters; where they can only be sent in one place, it is not asked for."""
    if field.group_class is None:
        return ()
    columns = _fields(field.group_class, _joined(path, f"{field.key}[]"), "")
    return tuple(one for one in columns if len(field.places) > 1 or not one.path.endswith(".send_in"))


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
