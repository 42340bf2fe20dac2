"""`authrecord doctor`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ..core.errors import StoreFault
from ..doctor.step import Step, Verdict
from .audit import read_checkpoint_file
from .context import Options, example, with_options
from .failures import exit_code_for, printable
from .opened_store import location, open_backend, open_vault
from .output import console, print_json
from .progress import counting
from .steps import draw, exit_code, plain_step


@click.command(
    "doctor",
    epilog=example(
        "authrecord doctor",
        "authrecord doctor --checkpoint /mnt/elsewhere/checkpoints --ask https://id.example.com",
    ),
)
@click.option(
    "--checkpoint",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Compare the audit log with the checkpoints in FILE; may be given again.",
)
@click.option(
    "--ask",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Ask this server what time it is; may be given again.",
)
@with_options
def command(options: Options, files: tuple[Path, ...], origins: tuple[str, ...]) -> int:
    """Find out what is wrong with the store and its surroundings; nothing is changed.

    It looks at the store's files and its key, its tables and pages, opens every sealed value, checks the audit log,
    compares clocks, and tells what this environment does to requests. It ends with what to change. For a record that
    does not work there is `authrecord check NAME`.
    """
    from ..clients.sender import TokenSender
    from ..doctor.store_walk import STEPS, Patient, walk_store
    from ..wiring import checked_origin

    settings = options.settings()
    store = location(options)
    patient = Patient(
        store.url,
        store.path,
        store.key,
        settings.environment,
        open_backend=lambda: open_backend(options),
        open_vault=lambda: open_vault(options),
        checkpoints=[one for file in files for one in read_checkpoint_file(file)],
        origins=[str(checked_origin(origin)) for origin in origins],
    )
    sender = TokenSender(clock=time, ca_file=settings.ca_file, proxy=settings.proxy)
    found: list[Step] = []
    try:
        with counting("Opening", shown=not options.as_json) as progress:
            for step in walk_store(
                patient,
                sender,
                now=time.time,
                seconds=time.monotonic,
                progress=lambda opened: progress("sealed values", opened),
            ):
                found.append(step)
                if not options.as_json:
                    draw(step, STEPS[step.name])
    finally:
        sender.close()
    code = exit_code(found, otherwise=exit_code_for(StoreFault("")))
    advice = _advice(found)
    if options.as_json:
        print_json({"steps": [plain_step(step) for step in found], "advice": advice, "exit_code": code})
        return code
    out = console()
    out.print()
    for line in advice or ["Nothing to change."]:
        out.print(line, style="bold")
    return code


def _advice(steps: list[Step]) -> list[str]:
    """What to change: what stands in the way first, then what is better changed."""
    return [
        f"{word}: {printable(step.advice)}"
        for verdict, word in ((Verdict.FAILED, "Change this"), (Verdict.NOTE, "Better"))
        for step in steps
        if step.verdict is verdict and step.advice
    ]
