"""`authrecord token NAME`."""

from __future__ import annotations

import sys
import time

import click

from ..core.token import Token
from ..record import OAuth2
from .context import Options, example, is_terminal, record_argument, with_options
from .output import masked, moment, print_json


@click.command(
    "token",
    epilog=example("token=$(authrecord token orders)"),
)
@record_argument
@click.option("--reveal", is_flag=True, help="Print the token in full on a terminal.")
@with_options
def command(options: Options, name: str, reveal: bool) -> None:
    """Print the live token of a record, renewed if need be.

    In a pipe or in $(…) it is printed in full, for scripts; on a terminal it is masked, unless --reveal is given.
    """
    with options.records() as records:
        record = records[name]
        if not isinstance(record.auth, OAuth2):
            authenticator = records.keeper.authenticator(record, base_url="http://127.0.0.1")
            value = authenticator.credential()
            authenticator.note_use()
            _print(options, name, _static_value(value.stamp.secrets()[0].reveal(), record.auth), None, reveal)
            return
        token = records.token(name)
        records.remember(name)
        _print(options, name, token.access_token.reveal(), token, reveal)


def _static_value(sent: str, auth: object) -> str:
    """A static credential as it stands in the record: without the prefix that is sent before it."""
    prefix = getattr(auth, "prefix", "")
    return sent.removeprefix(f"{prefix} ") if prefix else sent


def _print(options: Options, name: str, value: str, token: Token | None, reveal: bool) -> None:
    shown = value if reveal or not is_terminal() else masked(value)
    if options.as_json:
        found: dict[str, object] = {"name": name, "token": shown}
        if token is not None:
            found |= {"token_type": token.token_type, "expires_at": token.expires_at, "scope": token.scope}
        print_json(found)
        return
    sys.stdout.write(shown + "\n")
    if is_terminal() and is_terminal(2):
        until = (
            ""
            if token is None or token.expires_at is None
            else f"Until {moment(token.expires_at, time.time)}. "
        )
        hint = "" if reveal else "Masked; --reveal shows it."
        if until or hint:
            sys.stderr.write(f"{until}{hint}".rstrip() + "\n")
