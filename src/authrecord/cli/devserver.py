"""`authrecord devserver`."""

from __future__ import annotations

import signal
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import click

from ..core.errors import StoreFault
from .context import Options, example, with_options
from .files import write_private
from .output import console, print_json


@click.command("devserver", epilog=example("authrecord devserver --token-life 5"))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; 0 takes a free one.")
@click.option(
    "--token-life",
    type=click.FloatRange(0.1),
    metavar="SECONDS",
    default=60.0,
    help="Seconds that tokens live.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to put the document; a new temporary folder without it.",
)
@with_options
def command(options: Options, port: int, token_life: float, folder: Path | None) -> None:
    """Start a provider and an API on this machine, to try records with, until Ctrl-C.

    It writes a document with one record of each of the six kinds, and says what to type.
    """
    from ..testing.devserver import start

    with ExitStack() as stack:
        if folder is None:
            kept = False
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrecord-devserver-")))
        else:
            kept = True
        file = folder / "authrecord.yaml"
        if file.exists():
            raise StoreFault(f"{file} exists already.", hint="Name another --folder.", code="exists")
        try:
            running = start(port=port, token_life=token_life)
        except OSError as error:
            raise StoreFault(f"cannot listen on port {port}: {error.strerror}.", code="port_taken") from None
        stack.callback(running.server.stop)
        write_private(file, running.document)
        _say(options, running.server.url, file, running.user.username, kept=kept)
        _wait()


def _say(options: Options, url: str, file: Path, username: str, *, kept: bool) -> None:
    if options.as_json:
        print_json({"url": url, "file": str(file), "username": username})
        return
    out = console()
    out.print(f"A provider and an API listen at {url}.", style="bold")
    out.print(f"The user is {username}; the password stands in the record `password`.\n")
    for line in (
        f"authrecord --file {file} list",
        f"authrecord --file {file} request client-credentials GET {url}/api/orders",
        f"authrecord --file {file} login authorization-code",
        f"authrecord --file {file} check password {url}/api/orders",
    ):
        out.print(f"  {line}")
    end = "the document stays, its secrets worth nothing then" if kept else "the document goes with it"
    out.print(f"\nCtrl-C ends it; {end}.", style="dim")


def _wait() -> None:
    """Until Ctrl-C, or until the process is told to end."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(0.5):
        continue
