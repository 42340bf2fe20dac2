"""What every command works with: the options that all share, the document, the records."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..wiring import Records, Settings

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """The options that stand before or behind a command. `file`: empty to look for a document."""

    file: str = ""
    as_json: bool = False

    def with_given(self, given: Mapping[str, Any]) -> Options:
        """These options, and those given behind the command on top."""
        return replace(self, file=given.get("file") or self.file, as_json=given.get("json") or self.as_json)

    def settings(self) -> Settings:
        """The environment's settings, with the file of the options."""
        from ..wiring import Settings

        settings = Settings.read()
        return replace(settings, file=self.file) if self.file else settings

    def document(self) -> Path:
        """The document to read. Raises `RecordFault` when there is none."""
        from ..wiring import find_document

        return find_document(self.settings(), start=Path.cwd())

    def document_to_write(self) -> Path:
        """The document to change; where there is none yet, `authrecord.yaml` in this folder."""
        from ..core.errors import RecordFault

        try:
            return self.document()
        except RecordFault as fault:
            if fault.code != "no_document":
                raise
            return Path.cwd() / "authrecord.yaml"

    def records(self) -> Records:
        """The records of the document, ready."""
        from ..wiring import open_records

        return open_records(self.document(), settings=self.settings())


def example(*lines: str) -> str:
    """The end of a command's help: lines to type, which click leaves as they are."""
    return "\b\n" + "\n".join(
        ("Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines))
    )


def common(command: Command) -> Command:
    """Adds `--file` and `--json`. They may stand before or behind the command."""
    command = click.option("--json", is_flag=True, help="Answer in JSON, for programs.")(command)
    return click.option(
        "-f",
        "--file",
        metavar="FILE",
        default="",
        help="The document with the records.",
        shell_complete=_files,
    )(command)


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that takes the shared options, as one `Options` in its first argument."""

    @common
    @click.pass_context
    @wraps(command)
    def taking(context: click.Context, /, file: str, json: bool, **given: Any) -> Any:
        above = context.obj if isinstance(context.obj, Options) else Options()
        return command(above.with_given({"file": file, "json": json}), **given)

    return taking


def group(name: str, *, help: str, epilog: str) -> click.Group:
    """A command that has commands of its own: `@command.command("list", …)`. Takes the shared options as they do."""

    @click.group(name, help=help, epilog=epilog)
    @common
    @click.pass_context
    def command(context: click.Context, /, **given: Any) -> None:
        above = context.obj if isinstance(context.obj, Options) else Options()
        context.obj = above.with_given(given)

    return command


def record_argument(command: Command) -> Command:
    """Adds the argument NAME, which the shell completes."""
    return click.argument("name", shell_complete=_record_names)(command)


def _files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _record_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of the document's records; none where it cannot be read: completion has nobody to tell."""
    from ..core.errors import AuthrecordError
    from ..documents import read_file

    root = context.find_root()
    given = {"file": context.params.get("file") or root.params.get("file")}
    try:
        records = read_file(Options().with_given(given).document())
    except (AuthrecordError, OSError):
        return []
    return [record.name for record in records if record.name.startswith(incomplete)]


def is_terminal(stream: int = 1) -> bool:
    """True when a person reads (1) or types (0) there."""
    return os.isatty(stream)
