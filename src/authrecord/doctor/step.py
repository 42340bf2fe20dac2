"""What a step of the doctor found, as a value, and the one thing to change that follows from all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ..core.errors import AuthrecordError


class Verdict(Enum):
    """How a step ended. The value is what programs read."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its name, how it ended, and in sentences what was tried and answered. No secret is in it.

    `summary` is one line, `details` are further lines. `advice` is the one thing to change if this step is what
    stands in the way; `error` is the error behind a failure, if authrecord raised one. `seconds`: how long it
    took.
    """

    name: str
    verdict: Verdict
    summary: str
    details: tuple[str, ...] = ()
    advice: str = ""
    error: AuthrecordError | None = None
    seconds: float = 0.0


def ok(name: str, summary: str, *details: str) -> Step:
    """A step that went well."""
    return Step(name=name, verdict=Verdict.OK, summary=summary, details=details)


def note(name: str, summary: str, *details: str, advice: str) -> Step:
    """A step that went well, with something that is better changed."""
    return Step(name=name, verdict=Verdict.NOTE, summary=summary, details=details, advice=advice)


def skipped(name: str, summary: str) -> Step:
    """A step that was not done."""
    return Step(name=name, verdict=Verdict.SKIPPED, summary=summary)


def failed(name: str, summary: str, *details: str, advice: str) -> Step:
    """A step that did not go well."""
    return Step(name=name, verdict=Verdict.FAILED, summary=summary, details=details, advice=advice)


def failed_by(name: str, error: AuthrecordError, *details: str, advice: str = "") -> Step:
    """A step that an error of ours ended; its hint is the advice unless there is a better one."""
    return Step(
        name=name,
        verdict=Verdict.FAILED,
        summary=error.message,
        details=details,
        advice=advice or error.hint or error.message,
        error=error,
    )


def decisive(steps: Iterable[Step]) -> Step | None:
    """The step that says what to change: the first that failed, else the last that has a note, else `None`.

    The last note rather than the first: what the API answered weighs more than the style of the document.
    """
    found = None
    for step in steps:
        if step.verdict is Verdict.FAILED:
            return step
        if step.verdict is Verdict.NOTE:
            found = step
    return found
