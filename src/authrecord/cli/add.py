"""`authrecord add NAME`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..core.errors import TryLater
from ..core.fields import AUTHORIZATION_CODE, GRANTS, IMPLICIT
from ..documents import records_from, warnings_of
from ..record import AUTH_TYPES, OAuth2, Record
from ..wiring import Settings, make_keeper, memory_store
from .asking import ask, asked_kind, mended
from .context import Options, example, is_terminal, with_options
from .output import console, print_json
from .shelves import Shelf
from .values import fields_for, secret_options, set_secrets, set_values

TYPES = tuple(kind.type for kind in AUTH_TYPES)


@click.command(
    "add",
    epilog=example(
        "authrecord add orders --type oauth2 --grant client_credentials \\",
        "    --origin https://api.example.com --issuer https://id.example.com \\",
        "    --set credentials.client_id=scanner --secret credentials.client_secret",
    ),
)
@click.argument("name")
@click.option("--type", "auth_type", type=click.Choice(TYPES), help="The auth type.")
@click.option("--grant", type=click.Choice(GRANTS), help="The grant type, for OAuth 2.0.")
@secret_options
@with_options
def command(options: Options, name: str, auth_type: str | None, grant: str | None, **given: Any) -> None:
    """Write a new record into the store or document. Without --type it asks, question by question.

    A secret is never an argument: it is asked for, read from standard input or a file, or a reference. A record's
    fields and their paths are in docs/reference/record.md.
    """
    with options.shelf() as shelf:
        shelf.refuse_taken(name)
        data: dict[str, Any] = {"name": name}
        if auth_type is not None:
            apply(data, auth_type, grant or "", given)
            record = records_from({"records": [data]})[0]
        elif is_terminal(0):
            auth_type, grant = asked_kind(grant or "")
            ask(data, auth_type, grant)
            apply(data, auth_type, grant, given)
            record = mended(data, auth_type, grant)
        else:
            raise click.UsageError("give --type, or run it on a terminal to be asked")
        record, remark = discovered(record)
        shelf.add(record)
        say_written(options, shelf, record, remark)


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


def discovered(record: Record) -> tuple[Record, str]:
    """The record with the URLs that its issuer publishes where it leaves them empty, and a remark, mostly empty.

    An issuer that does not answer now is no reason to lose the record: it is asked again at the first use.
    """
    auth = record.auth
    if not isinstance(auth, OAuth2) or not auth.issuer:
        return record, ""
    keeper = make_keeper(Settings.read(), base=Path.cwd(), store=memory_store())
    try:
        metadata = keeper.provider(record).metadata()
    except TryLater as error:
        return record, f"the issuer could not be asked now: {error.message}"
    finally:
        keeper.close()
    exchange, authorization = auth.token_exchange, auth.authorization
    if auth.grant != IMPLICIT and not exchange.url:
        exchange = replace(exchange, url=metadata.token_endpoint)
    if auth.grant in {AUTHORIZATION_CODE, IMPLICIT} and not authorization.url:
        authorization = replace(authorization, url=metadata.authorization_endpoint)
    return replace(record, auth=replace(auth, token_exchange=exchange, authorization=authorization)), ""


def say_written(options: Options, shelf: Shelf, record: Record, remark: str = "") -> None:
    """Say that the record is written, with `remark` and what else is worth a warning."""
    warnings = [remark] if remark else []
    warnings += [str(one) for one in warnings_of(record, sealed=shelf.kind == "store")]
    if options.as_json:
        print_json({"name": record.name, shelf.kind: shelf.place, "warnings": warnings})
        return
    out = console(stderr=True)
    out.print(f"✓ {record.name} is written to {shelf.place}.", style="green")
    for warning in warnings:
        out.print(f"  Note: {warning}", style="yellow")
