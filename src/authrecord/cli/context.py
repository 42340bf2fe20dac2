"""What every command works with: the options that all share, the document, the records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..wiring import Records, Settings, Source
    from .shelves import Shelf

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """The options that stand before or behind a command. `file`, `store`: empty to look for a document or store."""

    file: str = ""
    store: str = ""
    as_json: bool = False

    def with_given(self, given: Mapping[str, Any]) -> Options:
        """These options, and those given behind the command on top."""
        return replace(
            self,
            file=given.get("file") or self.file,
            store=given.get("store") or self.store,
            as_json=given.get("json") or self.as_json,
        )

    def settings(self) -> Settings:
        """The environment's settings, with the file or store of the options: what is typed is louder."""
        from ..wiring import Settings

        settings = Settings.read()
        if self.file:
            return replace(settings, file=self.file, store=self.store)
        return replace(settings, file="", store=self.store) if self.store else settings

    def source(self) -> Source:
        """The document or store to work at."""
        from ..wiring import find_source

        return find_source(self.settings(), start=Path.cwd())

    @contextmanager
    def shelf(self) -> Iterator[Shelf]:
        """Where records are changed."""
        from .shelves import open_shelf

        with closing(open_shelf(self.settings(), self.source())) as shelf:
            yield shelf

    def records(self) -> Records:
        """The records of the document or store, ready."""
        from ..wiring import open_records

        return open_records(settings=self.settings())


def example(*lines: str) -> str:
    """The end of a command's help: lines to type, which click leaves as they are."""
    return "\b\n" + "\n".join(
        ("Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines))
    )


def common(command: Command) -> Command:
    """Adds `--file`, `--store` and `--json`. They may stand before or behind the command."""
    command = click.option("--json", is_flag=True, help="Answer in JSON, for programs.")(command)
    command = click.option(
        "--store", metavar="URL", default="", help="The store with the records and tokens."
    )(command)
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
    def taking(context: click.Context, /, file: str, store: str, json: bool, **given: Any) -> Any:
        above = context.obj if isinstance(context.obj, Options) else Options()
        return command(above.with_given({"file": file, "store": store, "json": json}), **given)

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
    """The names of the records; none where they cannot be read: completion has nobody to tell."""
    from ..core.errors import AuthrecordError

    root = context.find_root()
    given = {name: context.params.get(name) or root.params.get(name) for name in ("file", "store")}
    try:
        return _names_beginning(Options().with_given(given), incomplete)
    except (AuthrecordError, OSError):
        return []


def _names_beginning(options: Options, beginning: str) -> list[str]:
    source = options.source()
    if source.document is not None:
        from ..documents import read_file

        return [one.name for one in read_file(source.document) if one.name.startswith(beginning)]
    if source.store.path and not os.path.lexists(source.store.path):
        return []  # looking for names makes no store
    from ..keeper.ports import Filter
    from ..wiring import open_store

    with closing(open_store(options.settings(), source.store)) as store:
        return [line.name for line in store.page(Filter(name=beginning)).lines]


def is_terminal(stream: int = 1) -> bool:
    """True when a person reads (1) or types (0) there."""
    return os.isatty(stream)
