"""The group of commands. Each is loaded when it is used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

import click

from .. import __version__
from .context import Options, common, example

COMMANDS: Final = {
    "add": "Write a new record.",
    "edit": "Change a record.",
    "show": "Show a record, secrets masked.",
    "list": "List the records and their states.",
    "remove": "Remove a record.",
    "check": "Find out why a record does not work.",
    "login": "Log in, in the browser or by a pasted address.",
    "logout": "Forget a record's tokens.",
    "token": "Print the live token, for scripts.",
    "headers": "Print what would be sent to a URL.",
    "request": "Send an authenticated request.",
    "keep": "Renew the store's tokens ahead of need, until it is told to end.",
    "import": "Put the records of a document, or of another tool, into the store.",
    "export": "Write records into a file that a passphrase seals.",
    "keys": "Make, change and destroy the keys of the store.",
    "tenants": "Let several teams share one store.",
    "audit": "Read and check the audit log.",
    "backup": "Copy the whole store into a file.",
    "restore": "Put a backup into the store.",
    "doctor": "Find out what is wrong with the store and its surroundings.",
    "run": "Run a command whose requests are authenticated.",
    "gateway": "Authenticate the requests of any tool.",
    "envoy": "Configure and serve Envoys of your own.",
    "ca": "The certificate authority of the forward proxy.",
    "serve": "Serve the page and the REST API.",
    "devserver": "Start a provider and an API to try things with.",
    "schema": "Print the JSON Schema of documents.",
    "completion": "Print the shell's completion script.",
}
"""Every command with its one line of help, so that `--help` need not load them all."""

MODULES: Final = {"import": "import_"}
"""Where a command's name is none that a module may have."""


HELP: Final = """API authentication records that keep requests authenticated.

Records are in your store, sealed; or in authrecord.yaml, where one is in this folder or above it.
"""


class Commands(click.Group):
    """A group that loads a command when it is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The commands, in the order in which they are useful."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name, loaded now."""
        if name not in COMMANDS:
            return None
        command = import_module(f".{MODULES.get(name, name)}", __package__).command
        assert isinstance(command, click.Command)  # noqa: S101 - a shape test holds it for every file; for the type
        return command

    def invoke(self, context: click.Context) -> Any:
        """Run the command, and hand over what it printed while a reader that has gone can still be noticed."""
        from .failures import ReaderGone

        try:
            result = super().invoke(context)
            sys.stdout.flush()
        except BrokenPipeError:
            raise ReaderGone from None
        return result

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    help=HELP,
    epilog=example(
        "authrecord add orders              write a record, question by question",
        "authrecord login orders            log in, if it needs a person",
        "authrecord request orders GET https://api.example.com/orders",
        "authrecord check orders https://api.example.com/orders",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", prog_name="authrecord", message="%(prog)s %(version)s")
@common
@click.pass_context
def authrecord(context: click.Context, /, **given: Any) -> None:
    """Put the shared options where every command finds them."""
    context.obj = Options().with_given(given)


def run(arguments: list[str]) -> int:
    """Run the command line with `arguments`; the exit code. Nothing escapes but a fault of ours, in one line."""
    from .failures import exit_code_of

    try:
        result = authrecord.main(arguments, prog_name="authrecord", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001 - the one place where everything becomes an exit code
        return exit_code_of(error, as_json="--json" in arguments)
    return result if isinstance(result, int) else 0
