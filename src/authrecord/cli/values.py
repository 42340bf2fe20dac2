"""Values for the fields of a record, from the command line's options and from a person's answers.

The fields, their labels and their help are those of `documents.form_of`: nothing is listed here a second time.
Secrets never come from the arguments of a command (attack row P10): they come from a hidden prompt, standard
input, a file, or are references.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from ..core.errors import RecordFault
from ..core.fields import Kind
from ..core.secret import REFERENCE_KINDS
from ..documents import FormField, form_of

LISTS: Final = frozenset({Kind.TAGS, Kind.ORIGINS})
_YES: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def fields_for(auth_type: str, grant: str) -> dict[str, FormField]:
    """Every field of that kind of record, by path, in the form's order. The short form without `auth.` works too."""
    return {field.path: field for group in form_of(auth_type, grant) for field in group.fields}


def field_named(path: str, fields: dict[str, FormField]) -> FormField:
    """The field of that path. Raises a usage error that names the nearest one."""
    found = fields.get(path) or fields.get(f"auth.{path}")
    if found is not None:
        return found
    from difflib import get_close_matches

    near = get_close_matches(path, [*fields, *(one.removeprefix("auth.") for one in fields)], n=1)
    hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(fields)}."
    raise click.UsageError(f"this kind of record has no field of that path.{hint}")


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Set `value` at `path` in nested mappings."""
    *groups, last = path.split(".")
    for group in groups:
        data = data.setdefault(group, {})
    data[last] = value


def take_away(data: dict[str, Any], path: str) -> None:
    """Leave out what is at `path` in nested mappings, if anything is."""
    *groups, last = path.split(".")
    for group in groups:
        data = data.get(group, {})
    data.pop(last, None)


def set_values(data: dict[str, Any], fields: dict[str, FormField], settings: tuple[str, ...]) -> None:
    """Every `--set PATH=VALUE`."""
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise click.UsageError(
                "--set takes PATH=VALUE, such as token_exchange.url=https://id.example.com/token"
            )
        field = field_named(path, fields)
        put(data, field.path, _value(field, text))


def _value(field: FormField, text: str) -> Any:
    if field.kind is Kind.SECRET and not _is_reference(text):
        raise click.UsageError(
            f"{field.path} is a secret, and a command's arguments can be read by others. "
            f"Give it with --secret {field.path} (asks), --secret-stdin, --secret-file or --secret-ref."
        )
    if field.kind is Kind.BOOLEAN:
        if text.lower() not in _YES:
            raise click.UsageError(f"{field.path} is true or false")
        return _YES[text.lower()]
    if field.kind in LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if field.kind is Kind.PARAMETERS:
        return _parameters(field, text)
    return text


def _parameters(field: FormField, text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        example = '[{"key": "audience", "value": "orders"}]'
        raise click.UsageError(f"{field.path} is a JSON list such as {example}") from None
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and one.get("sensitive") and not _is_reference(str(one.get("value", ""))):
            raise click.UsageError(
                f"a sensitive value of {field.path} is given as a reference, or in an editor (edit)"
            )
    return found if isinstance(found, list) else [found]


def _is_reference(text: str) -> bool:
    return text.endswith("}") and text.startswith(tuple("${" + kind + ":" for kind in REFERENCE_KINDS))


def set_secrets(
    data: dict[str, Any],
    fields: dict[str, FormField],
    *,
    asked: tuple[str, ...],
    stdin: str,
    files: tuple[str, ...],
    references: tuple[str, ...],
) -> None:
    """Every secret, from wherever it may come."""
    for path in asked:
        field = field_named(path, fields)
        put(data, field.path, click.prompt(field.label, hide_input=True, err=True))
    if stdin:
        put(data, field_named(stdin, fields).path, secret_text(sys.stdin.buffer.read(), "standard input"))
    for path, name in _pairs(files, "--secret-file", "PATH=FILE"):
        put(data, field_named(path, fields).path, secret_text(Path(name).read_bytes(), name))
    for path, reference in _pairs(references, "--secret-ref", "PATH=REFERENCE"):
        if not _is_reference(reference):
            forms = ", ".join(f"${{{kind}:…}}" for kind in REFERENCE_KINDS)
            raise click.UsageError(f"a reference is written as one of {forms}")
        put(data, field_named(path, fields).path, reference)


def secret_text(content: bytes, source: str) -> str:
    """A secret as text, without one line end behind it. Raises `RecordFault` when it is not UTF-8."""
    try:
        text: str | None = content.decode("utf-8")
    except UnicodeDecodeError:
        text = None  # the fault is raised outside of this block: the codec's exception holds the bytes
    if text is None:
        raise RecordFault(f"{source} is not UTF-8 text.", hint="A secret is text.")
    return text.removesuffix("\n").removesuffix("\r")


def _pairs(texts: tuple[str, ...], option: str, form: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"{option} takes {form}")
        yield path, value


def secret_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `add` and `edit` share."""
    for option in reversed(
        (
            click.option(
                "--set", "settings", multiple=True, metavar="PATH=VALUE", help="A field that is no secret."
            ),
            click.option(
                "--origin", "origins", multiple=True, metavar="ORIGIN", help="Where the credential may go."
            ),
            click.option(
                "--issuer", default="", metavar="URL", help="Discover the provider's URLs from its issuer."
            ),
            click.option(
                "--secret", "asked", multiple=True, metavar="PATH", help="Ask for a secret, unseen."
            ),
            click.option(
                "--secret-stdin", "stdin", default="", metavar="PATH", help="Read a secret from stdin."
            ),
            click.option(
                "--secret-file", "files", multiple=True, metavar="PATH=FILE", help="Read it from a file."
            ),
            click.option(
                "--secret-ref",
                "references",
                multiple=True,
                metavar="PATH=REFERENCE",
                help="Refer to it: ${env:NAME}.",
            ),
        )
    ):
        command = option(command)
    return command
