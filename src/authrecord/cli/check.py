"""`authrecord check NAME [URL]`, the doctor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import click

from ..core.errors import DocumentFault, RecordFault
from ..doctor.at_server import walk_at_server
from ..doctor.step import Step, Verdict, decisive, failed_by
from ..doctor.walk import STEPS, walk
from ..doctor.witness import Witness
from ..keeper.ports import Sender
from ..stores.remote.store import RemoteStore
from ..wiring import open_records
from .context import Options, example, record_argument, with_options
from .failures import printable
from .output import console, print_json
from .steps import draw, exit_code, plain_step

MOST_SAMPLE_BYTES: Final = 1024 * 1024


@click.command(
    "check",
    epilog=example(
        "authrecord check orders https://api.example.com/orders",
        "authrecord check orders --pattern-on saved-answer.json",
    ),
)
@record_argument
@click.argument("url", required=False, default="")
@click.option(
    "--pattern-on",
    type=click.File("rb"),
    metavar="FILE|-",
    help="Try the expired message pattern on an answer, saved in a file or from standard input.",
)
@with_options
def command(options: Options, name: str, url: str, pattern_on: Any) -> int:
    """Find out why a record does not work: each step, what was tried, what was answered, and what to change.

    It goes from the record over its secrets, the store and the provider to the token, and on to URL if one is
    given, with the credential and without. When the provider answers invalid_client, it tries both Basic encodings
    and the body. No secret is shown. Over a URL the server walks, and sends the request to URL itself.
    """
    sample = pattern_on.read(MOST_SAMPLE_BYTES) if pattern_on is not None else None
    found: list[Step] = []
    for step in _walked(options, name, url, sample):
        found.append(step)
        if not options.as_json:
            draw(step, STEPS.get(step.name, step.name))
    code = exit_code(found)
    advice = _advice(found, name)
    if options.as_json:
        print_json(
            {"name": name, "steps": [plain_step(step) for step in found], "advice": advice, "exit_code": code}
        )
        return code
    out = console()
    out.print()
    out.print(advice, style="bold")
    return code


def _walked(options: Options, name: str, url: str, sample: bytes | None) -> Iterator[Step]:
    """The steps; a record that cannot be had at all is the first of them."""
    witness: list[Witness] = []

    def through(sender: Sender) -> Sender:
        witness.append(Witness(sender, time.monotonic))
        return witness[0]

    settings = options.settings()
    try:
        records = open_records(settings=settings, through=through)
    except RecordFault as fault:
        yield _unreadable(fault)
        return
    with records:
        try:
            record = records[name]
        except RecordFault as fault:
            yield failed_by("record", fault)
            return
        if isinstance(records.store, RemoteStore):
            yield from walk_at_server(records.store, record, url=url, sample=sample)
            return
        yield from walk(records, record, witness[0], settings, seconds=time.monotonic, url=url, sample=sample)


def _unreadable(fault: RecordFault) -> Step:
    """The step for a document that cannot be read: every fault a line, the first of them to be mended first."""
    if not isinstance(fault, DocumentFault):
        return failed_by("record", fault)
    faults = [str(one) for one in fault.faults]
    step = failed_by("record", fault, *faults, advice=faults[0])
    return replace(step, summary=f"{fault.source or 'the document'} cannot be used")


def _advice(steps: list[Step], name: str) -> str:
    step = decisive(steps)
    if step is None:
        return f"Nothing to change: {name} works as far as it was tried."
    if step.verdict is Verdict.FAILED:
        return f"Change this: {printable(step.advice)}"
    return f"It works. Better: {printable(step.advice)}"
