"""The questions of `authrecord add` on a terminal: the form of `documents.form_of`, line by line."""

from __future__ import annotations

from typing import Any, Final

import click

from ..core.errors import DocumentFault
from ..core.fields import Kind
from ..documents import FormField, form_of, records_from
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record
from .output import console
from .values import LISTS, fields_for, put, take_away

_KNOWN: Final = frozenset({"name", "auth.type", "auth.grant"})
"""What is known before the questions begin."""


def asked_kind(grant: str = "") -> tuple[str, str]:
    """Which auth type, and which grant type, unless `grant` is known already."""
    if grant:
        return OAuth2.type, grant
    auth_type = _choice("Auth type", [(kind.type, kind.label, _doc(kind)) for kind in AUTH_TYPES])
    if auth_type != OAuth2.type:
        return auth_type, ""
    return auth_type, _choice("Grant type", [(one.key, one.label, one.help) for one in GRANT_CHOICES])


def _doc(kind: type) -> str:
    return (kind.__doc__ or "").partition(": ")[2].partition("\n")[0]


def _choice(question: str, choices: list[tuple[str, str, str]]) -> str:
    out = console(stderr=True)
    out.print(f"\n{question}", style="bold")
    for number, (_, label, help_text) in enumerate(choices, 1):
        out.print(f"  {number}  {label}")
        if help_text:
            out.print(f"     {help_text}", style="dim")
    number = click.prompt("Number", type=click.IntRange(1, len(choices)), err=True)
    return choices[number - 1][0]


def ask(data: dict[str, Any], auth_type: str, grant: str) -> None:
    """The form, question by question, into `data`: the seed's fields; what is beyond them keeps its default."""
    out = console(stderr=True)
    for group in form_of(auth_type, grant):
        asked = [field for field in group.fields if not field.beyond_seed and field.path not in _KNOWN]
        if not asked:
            continue
        out.print(f"\n{group.label}", style="bold")
        for field in asked:
            if field.only_with is None or _at(data, field.only_with[0]) in {None, field.only_with[1]}:
                _take(data, field)


def mended(data: dict[str, Any], auth_type: str, grant: str) -> Record:
    """The record in `data`; what is wrong in it is asked again, and nothing else: no answer is lost.

    Raises `DocumentFault` for faults that no question can mend.
    """
    fields = fields_for(auth_type, grant)
    while True:
        try:
            return records_from({"records": [data]})[0]
        except DocumentFault as fault:
            faults = fault
        wrong = {_field_path(one.path): one for one in faults.faults}
        again = [field for path, field in fields.items() if path in wrong]
        if not again:
            raise faults
        for field in again:
            one = wrong[field.path]
            console(stderr=True).print(f"\n{field.label} {one.message} {one.hint}".rstrip(), style="yellow")
            _take(data, field)


def _field_path(path: str) -> str:
    """`auth.token_exchange.url` for `records[0].auth.token_exchange.url`; a list's own path for its items."""
    return path.removeprefix("records[0].").partition("[")[0]


def _take(data: dict[str, Any], field: FormField) -> None:
    value = _answer(field)
    if value in (None, "", []) or value == field.default:
        take_away(data, field.path)
    else:
        put(data, field.path, value)


def _at(data: dict[str, Any], path: str) -> Any:
    found: Any = data
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _answer(field: FormField) -> Any:
    """One answer of a person, with the field's own label and help."""
    out = console(stderr=True)
    if field.help:
        out.print(f"  {field.help}", style="dim")
    if field.kind is Kind.BOOLEAN:
        return click.confirm(f"  {field.label}", default=bool(field.default), err=True)
    if field.kind is Kind.CHOICE:
        keys = [choice.key for choice in field.choices]
        return click.prompt(
            f"  {field.label}", type=click.Choice(keys), default=field.default or keys[0], err=True
        )
    if field.kind is Kind.PARAMETERS:
        return list(_parameters(field))
    if field.kind is Kind.SECRET:
        return click.prompt(
            f"  {field.label} (or a reference such as ${{env:NAME}})",
            hide_input=True,
            default="",
            show_default=False,
            err=True,
        )
    text = click.prompt(
        f"  {field.label}", default=field.default or "", show_default=bool(field.default), err=True
    )
    if field.kind in LISTS:
        return [part for part in str(text).replace(",", " ").split() if part]
    return text


def _parameters(field: FormField) -> list[dict[str, Any]]:
    """Key/value pairs until an empty key."""
    found: list[dict[str, Any]] = []
    while key := click.prompt(
        f"  {field.label}: key (empty to go on)", default="", show_default=False, err=True
    ):
        sensitive = click.confirm("    Sensitive", default=False, err=True)
        one: dict[str, Any] = {"key": key, "value": click.prompt("    Value", hide_input=sensitive, err=True)}
        if sensitive:
            one["sensitive"] = True
        places = next((column for column in field.columns if column.path.endswith("send_in")), None)
        if places is not None and len(places.choices) > 1:
            keys = [choice.key for choice in places.choices]
            one["send_in"] = click.prompt(
                "    Send In", type=click.Choice(keys), default=places.default, err=True
            )
        found.append(one)
    return found
