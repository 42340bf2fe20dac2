"""The reference page of the command line, made from the commands themselves.

`python -m authrecord.cli.reference [FOLDER]` writes `cli.md` below FOLDER (default: `docs`). A test holds the kept
file against this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Final

import click

from .app import COMMANDS, authrecord
from .failures import NEXT_STEPS

PAGE: Final = "cli.md"

_INTRODUCTION: Final = """\
# The command line

This page is written by `python -m authrecord.cli.reference`; change the commands, not the page.

Records and tokens are in a store, sealed: the one that `--store` names, else `AUTHRECORD_STORE`, else `store` in
`settings.toml` in the configuration folder, else your own ([storage](storage.md)). Records may stand in a document
instead: the one that `--file` or `AUTHRECORD_FILE` names; or, where no store is named, `authrecord.yaml` (`.yml`,
`.json`, `.toml`) in the current folder or above it, else in the configuration folder. Its tokens are in the store all
the same. `list` says which it is. `--file`, `--store` and `--json` may stand before or behind the command:
`authrecord --file records.yaml list`.

What is asked for goes to standard output, everything else to standard error. On a terminal secrets are masked unless
`--reveal` is given; in a pipe they are printed in full. No secret is ever an argument of a command, where other users
of the machine could read it: it is asked for, read from standard input or a file, or it is a reference. For the same
reason hand a credential to curl by its standard input rather than in an argument:

```shell
authrecord headers orders https://api.example.com/orders | curl -H @- https://api.example.com/orders
```

`authrecord token NAME` keeps the token between runs, sealed ([storage](storage.md)), so that it logs in only when it
must.
"""

_ENVIRONMENT: Final = (
    ("AUTHRECORD_STORE", "The store: `sqlite:///path` or `postgresql://user@host/database`."),
    ("AUTHRECORD_TENANT", "Whose records and tokens of that store; `default` where nobody says."),
    ("AUTHRECORD_STORE_LISTEN", "Another URL of the same PostgreSQL, where a pooler swallows notifications."),
    ("AUTHRECORD_FILE", "The document with the records."),
    ("AUTHRECORD_HOME", "One folder for everything that authrecord keeps: settings, store, key."),
    (
        "AUTHRECORD_KEY",
        "Where the store's key is: `file:/path`, `keyring:…`, `env:NAME`, `command:[…]`, `vault-transit:…`.",
    ),
    ("AUTHRECORD_ALLOW_COMMANDS", "`1` lets references `${command:…}` run."),
    (
        "AUTHRECORD_CA_FILE",
        "A PEM file of certificate authorities to trust beside the system's, for providers.",
    ),
    (
        "AUTHRECORD_PROXY",
        "An HTTP proxy for requests to providers; `HTTP_PROXY` and its kin are not used for them.",
    ),
    ("AUTHRECORD_DEBUG", "`1` prints the traceback of a fault of authrecord itself, for a report."),
    ("NO_COLOR", "No colours."),
    ("VISUAL, EDITOR", "The editor of `authrecord edit`."),
    ("BROWSER", "The browser of `authrecord login`."),
)


def page() -> str:
    """The reference page, in Markdown."""
    parts = [_INTRODUCTION, *_exit_codes(), *_environment()]
    with click.Context(authrecord, info_name="authrecord") as above:
        for name in COMMANDS:
            command = authrecord.get_command(above, name)
            if command is not None:
                parts += _command(f"authrecord {name}", command, above)
    return "\n".join(parts)


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "| Code | What to do next |\n|---|---|"
    yield "\n".join(f"| {code} | {what} |" for code, what in NEXT_STEPS) + "\n"
    yield 'With `--json` an error is printed to standard output as `{"error": …}` with the same code in `exit_code`.\n'


def _environment() -> Iterator[str]:
    yield "## Environment\n"
    yield "| Variable | Meaning |\n|---|---|"
    yield "\n".join(f"| `{name}` | {meaning} |" for name, meaning in _ENVIRONMENT) + "\n"


def _command(name: str, command: click.Command, above: click.Context, depth: str = "##") -> Iterator[str]:
    """The part of one command, and below it the parts of the commands that it has."""
    with click.Context(command, parent=above, info_name=command.name) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"{depth} {name}\n"
        yield f"`{name} {usage}`\n"
        yield cleandoc(command.help or "") + "\n"
        yield "| Option | Meaning |\n|---|---|"
        yield "\n".join(_options(command, context)) + "\n"
        if command.epilog:
            lines = command.epilog.splitlines()[2:]
            yield "\n".join(("```shell", *(line.removeprefix("  ") for line in lines), "```")) + "\n"
        if isinstance(command, click.Group):
            for below in command.commands.values():
                yield from _command(f"{name} {below.name}", below, context, "###")


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        if not isinstance(parameter, click.Option):
            continue
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            option, meaning = (text.replace("|", "\\|") for text in record)
            yield f"| `{option}` | {meaning} |"


def main(folder: str = "docs") -> None:
    """Write the page below `folder`."""
    path = Path(folder, PAGE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:2])
