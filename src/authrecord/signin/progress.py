"""What a login tells while it runs, for whoever draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """A step of a login, in its order."""

    BEGUN = "begun"
    OPENED = "opened the browser"
    PASTE = "waiting for the redirected address to be pasted"
    WAITING = "waiting"
    REJECTED = "an answer that is not ours"
    RECEIVED = "received the answer"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step. `detail` is a host or a reason, never a secret; `seconds_left` counts down while waiting."""

    step: Step
    detail: str = ""
    seconds_left: float = 0.0


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A report that nobody hears."""
