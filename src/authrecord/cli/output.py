"""How commands show things: JSON for programs, masked and coloured for people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..core.secret import MASK
from ..doctor.words import duration

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_ENDS: Final = 4
UNFOLDED: Final = 10_000
"""Characters that a line in a pipe may have."""


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """JSON on standard output, at once: a program may wait for it while the command goes on."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """A console that colours where a person reads, and honours NO_COLOR. In a pipe no line is cut or folded."""
    from rich.console import Console

    out = Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False, markup=False)
    if not out.is_terminal:
        out.width = UNFOLDED
    return out


def masked(secret: str) -> str:
    """A secret as a terminal shows it: its last characters, if it is long enough to spare them."""
    return MASK + (secret[-SHOWN_ENDS:] if len(secret) >= 5 * SHOWN_ENDS else "")


def moment(at: float, now: Callable[[], float] = time.time) -> str:
    """UTC seconds as a person reads them, in the machine's own time, with how long it is until then."""
    left = at - now()
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    return f"{text} (in {duration(left)})" if left > 0 else f"{text} ({duration(-left)} ago)"
