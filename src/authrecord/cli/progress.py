"""A bar for work that takes a while, where a person watches; nothing in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .context import is_terminal
from .output import console


@contextmanager
def counting(title: str, *, shown: bool = True) -> Iterator[Callable[[str, int], None]]:
    """Gives a function that is told what is being done and how far it is; both are shown on standard error."""
    if not shown or not is_terminal(2):
        yield lambda what, done: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda what, done: progress.update(task, description=f"{title}: {what}, {done:,}")


@contextmanager
def bar(title: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that is told how much is done, of how much; a bar on standard error shows how long it takes."""
    if not shown or not is_terminal(2):
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
