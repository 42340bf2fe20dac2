"""`authrecord run RECORD… -- COMMAND`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .context import Options, example, is_terminal, with_options
from .gateway_options import RuleSource, authority_of, run_loop

if TYPE_CHECKING:
    from ..gateway.metrics import Metrics
    from ..record import Record

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT")
_OF_THE_TERMINAL = ("SIGINT", "SIGQUIT")


@click.command(
    "run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=example(
        "authrecord run orders -- curl https://api.example.com/orders",
        "authrecord run orders stock -- nuclei -u https://api.example.com",
    ),
)
@click.option(
    "--unmatched",
    type=click.Choice(["pass", "refuse"]),
    default="pass",
    help="What becomes of requests to hosts of no record.",
)
@click.option("--quiet", is_flag=True, help="Leave the closing line out.")
@click.argument("arguments", nargs=-1, required=True, metavar="RECORD… -- COMMAND…")
@with_options
def command(options: Options, unmatched: str, quiet: bool, arguments: tuple[str, ...]) -> int:
    """Run a command whose requests are authenticated by RECORD, for as long as it runs.

    The command gets a proxy and a certificate authority by the usual environment variables (HTTP_PROXY,
    SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, …). Signals and its exit code are passed on.
    """
    from ..gateway.rules import OwnCredential, Unmatched

    names, words = split(arguments)
    source = RuleSource(
        options,
        names,
        None,
        own_credential=OwnCredential.REPLACE,
        unmatched=Unmatched(unmatched),
        together=False,
    )
    try:
        code, metrics = run_loop(_run(options, source, words))
    finally:
        source.records.keeper.close()
    if metrics is not None and not quiet:
        sys.stderr.write(closing_line(metrics) + "\n")
    return code


def split(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The records before `--`, and the command behind it."""
    if "--" not in arguments:
        raise click.UsageError("write the command behind `--`: authrecord run orders -- curl …")
    at = arguments.index("--")
    names, words = arguments[:at], arguments[at + 1 :]
    if not names or not words:
        raise click.UsageError("name a record before `--`, and a command behind it")
    if any(name.startswith("-") for name in names):
        raise click.UsageError(f"there is no option {next(name for name in names if name.startswith('-'))}")
    return names, words


def closing_line(metrics: Metrics) -> str:
    """What happened, in a line."""
    numbers = (
        (metrics.requests, "request"),
        (metrics.authenticated, "authenticated"),
        (metrics.renewals, "renewal"),
        (metrics.expired_passed, "expired answer"),
    )
    told = ", ".join(
        f"{number} {word}{'' if number == 1 or word == 'authenticated' else 's'}" for number, word in numbers
    )
    return f"authrecord: {told}"


def variables_of(records: Iterable[Record]) -> set[str]:
    """The environment variables in which the records' secrets stand: `${env:NAME}`."""
    from ..core.secret import Reference
    from ..documents.plain import mapping_of

    found: set[str] = set()
    waiting: list[object] = [mapping_of(record) for record in records]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Reference) and value.kind == "env":
            found.add(value.argument)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found


async def _run(options: Options, source: RuleSource, words: tuple[str, ...]) -> tuple[int, Metrics | None]:
    from ..clients.egress import permits_for
    from ..gateway.callers import new_password
    from ..gateway.child import child_environment
    from ..gateway.dialing import Dialer
    from ..gateway.listening import Listen
    from ..gateway.running import Ways, started
    from ..gateway.service import Service

    rules, authenticators = source.read()
    settings = options.settings()
    service = Service(
        rules,
        authenticators,
        Dialer(permits_for(local=True), ca_file=settings.ca_file),
        reload=source.reload(),
    )
    password = new_password()
    authority = authority_of(options, rules, lasting=False)
    ways = Ways(forward=Listen("127.0.0.1", 0), password=password, authority=authority)
    running = await started(service, ways)
    try:
        with tempfile.TemporaryDirectory(prefix="authrecord-run-") as folder:
            environment = child_environment(
                settings.environment,
                proxy=running.places["forward"],
                password=password,
                authority=authority,
                folder=Path(folder),
                withheld=variables_of(source.records[name] for name in rules.records),
            )
            try:
                process = await asyncio.create_subprocess_exec(*words, env=environment)
            except FileNotFoundError:
                return _not_started(words[0], "not found"), None
            except OSError as error:
                return _not_started(words[0], error.strerror or "cannot be started", NOT_EXECUTABLE), None
            _pass_signals(service.loop, process)
            code = await process.wait()
    finally:
        await running.close()
    return (128 - code if code < 0 else code), service.metrics


def _not_started(word: str, why: str, code: int = NOT_FOUND) -> int:
    from .failures import printable

    sys.stderr.write(f"error: {printable(word)}: {why}.\n")
    return code


def _pass_signals(loop: asyncio.AbstractEventLoop, process: Any) -> None:
    """Signals go to the child. What a terminal sends goes to the child already: here it only must not end us."""

    def send(number: int) -> None:
        if process.returncode is None:
            os.kill(process.pid, number)

    for name in (*_PASSED_ON, *_OF_THE_TERMINAL):
        number = getattr(signal, name, None)
        if number is None:
            continue
        if name in _OF_THE_TERMINAL and is_terminal(0):
            loop.add_signal_handler(number, _leave_it)
        else:
            loop.add_signal_handler(number, send, number)


def _leave_it() -> None:
    """The child got it from the terminal."""
