"""`authrecord add NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..core.errors import RecordFault
from ..core.fields import GRANTS, Kind
from ..documents import FormField, form_of, format_of, read, records_from, upsert, warnings_of
from ..record import AUTH_TYPES, GRANT_CHOICES, Record
from .context import Options, is_terminal, with_options
from .files import write_private
from .output import console, print_json
from .values import LISTS, fields_for, put, secret_options, set_secrets, set_values

TYPES = tuple(kind.type for kind in AUTH_TYPES)


@click.command(
    "add",
    epilog="Example: authrecord add orders --type oauth2 --grant client_credentials --origin https://api.example.com "
    "--issuer https://id.example.com --set credentials.client_id=scanner --secret credentials.client_secret",
)
@click.argument("name")
@click.option("--type", "auth_type", type=click.Choice(TYPES), help="The auth type.")
@click.option("--grant", type=click.Choice(GRANTS), default="", help="The grant type, for OAuth 2.0.")
@secret_options
@with_options
def command(options: Options, name: str, auth_type: str | None, grant: str, **given: Any) -> None:
    """Write a new record into the document. Without --type it asks, question by question.

    A secret is never an argument: it is asked for, read from standard input or a file, or a reference. A record's
    fields and their paths are in docs/reference/record.md.
    """
    path = options.document_to_write()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if any(
        record.name == name for record in read(text, format=format_of(path), source=str(path)) if text.strip()
    ):
        raise RecordFault(
            f"{path} holds a record {name!r} already.", hint=f"Change it with `authrecord edit {name}`."
        )
    data: dict[str, Any] = {"name": name}
    if auth_type is None and is_terminal(0):
        auth_type, grant = _asked_kind()
        _ask(data, auth_type, grant)
    elif auth_type is None:
        raise click.UsageError("give --type, or run it on a terminal to be asked")
    apply(data, auth_type, grant, given)
    record = discovered(records_from({"records": [data]})[0])
    store(options, path, text, record)


def apply(data: dict[str, Any], auth_type: str, grant: str, given: dict[str, Any]) -> None:
    """Put the options' values into `data`."""
    if auth_type == "oauth2" and not grant:
        raise click.UsageError("OAuth 2.0 needs --grant")
    if auth_type != "oauth2" and (grant or given["issuer"]):
        raise click.UsageError("--grant and --issuer belong to --type oauth2")
    data.setdefault("auth", {})["type"] = auth_type
    if grant:
        data["auth"]["grant"] = grant
    if given["origins"]:
        data["allowed_origins"] = list(given["origins"])
    if given["issuer"]:
        data["auth"]["issuer"] = given["issuer"]
    fields = fields_for(auth_type, grant)
    set_values(data, fields, given["settings"])
    set_secrets(
        data,
        fields,
        asked=given["asked"],
        stdin=given["stdin"],
        files=given["files"],
        references=given["references"],
    )


def discovered(record: Record) -> Record:
    """The record with the URLs that its issuer publishes, where it names an issuer and leaves them empty."""
    from dataclasses import replace

    from ..record import OAuth2
    from ..wiring import Settings, make_keeper

    auth = record.auth
    if not isinstance(auth, OAuth2) or not auth.issuer:
        return record
    keeper = make_keeper(Settings.read(), base=Path.cwd(), in_memory=True)
    try:
        metadata = keeper.provider(record).metadata()
    finally:
        keeper.close()
    exchange, authorization = auth.token_exchange, auth.authorization
    if auth.grant != "implicit" and not exchange.url:
        exchange = replace(exchange, url=metadata.token_endpoint)
    if auth.grant in {"authorization_code", "implicit"} and not authorization.url:
        authorization = replace(authorization, url=metadata.authorization_endpoint)
    return replace(record, auth=replace(auth, token_exchange=exchange, authorization=authorization))


def store(options: Options, path: Path, text: str, record: Record) -> None:
    """Write the record into its document, and say so, with what is worth a warning."""
    written = upsert(text, format=format_of(path), record=record, reveal=True)
    write_private(path, written.text)
    warnings = warnings_of(record)
    if options.as_json:
        print_json({"name": record.name, "file": str(path), "warnings": [str(one) for one in warnings]})
        return
    out = console(stderr=True)
    out.print(f"✓ {record.name} is written to {path}.", style="green")
    for warning in warnings:
        out.print(f"  Note: {warning}", style="yellow")


def _asked_kind() -> tuple[str, str]:
    """Which auth type, and which grant type."""
    auth_type = _choice("Auth type", [(kind.type, kind.label, _doc(kind)) for kind in AUTH_TYPES])
    if auth_type != "oauth2":
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


def _ask(data: dict[str, Any], auth_type: str, grant: str) -> None:
    """The form, question by question: the seed's fields; what is beyond the seed keeps its default."""
    out = console(stderr=True)
    for group in form_of(auth_type, grant):
        asked = [
            field
            for field in group.fields
            if not field.beyond_seed and field.path not in {"name", "auth.type", "auth.grant"}
        ]
        if not asked:
            continue
        out.print(f"\n{group.label}", style="bold")
        for field in asked:
            if field.only_with is not None and _at(data, field.only_with[0]) not in {
                None,
                field.only_with[1],
            }:
                continue
            value = _answer(field)
            if value not in (None, "", []) and value != field.default:
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
