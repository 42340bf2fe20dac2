"""How the commands of the doctor show steps, and the exit code that follows from them."""

from __future__ import annotations

import sys
from typing import Any, Final

from ..core.errors import AuthrecordError
from ..doctor.step import Step, Verdict, decisive
from .failures import exit_code_for, printable
from .output import console

WIDTH: Final = 11
"""Characters of the longest title."""

_SIGNS: Final = {
    Verdict.OK: ("✓", "green"),
    Verdict.NOTE: ("!", "yellow"),
    Verdict.FAILED: ("✗", "red"),
    Verdict.SKIPPED: ("–", "dim"),
}


def draw(step: Step, title: str) -> None:
    """A line for the step, with its sign and the title of its place, and its details below."""
    from rich.text import Text

    sign, style = _SIGNS[step.verdict]
    out = console()
    line = Text(f"{sign} {title:<{WIDTH}} ", style=style)
    line.append(
        printable(step.summary).rstrip("."), style="" if step.verdict is not Verdict.SKIPPED else "dim"
    )
    out.print(line)
    for detail in step.details:
        out.print(f"{' ' * (WIDTH + 3)}{printable(detail)}", style="dim")
    sys.stdout.flush()


def plain_step(step: Step) -> dict[str, Any]:
    """A step for programs."""
    found: dict[str, Any] = {
        "step": step.name,
        "verdict": step.verdict.value,
        "summary": step.summary,
        "details": list(step.details),
        "seconds": round(step.seconds, 3),
    }
    if step.advice:
        found["advice"] = step.advice
    if step.error is not None:
        found["code"] = step.error.code
    return found


def exit_code(steps: list[Step], otherwise: int = 1) -> int:
    """0 when no step failed; else by the error of the one that did, and `otherwise` where no error of ours did."""
    step = decisive(steps)
    if step is None or step.verdict is not Verdict.FAILED:
        return 0
    return exit_code_for(step.error) if isinstance(step.error, AuthrecordError) else otherwise
