"""What happened, as lines of JSON: each process writes a file of its own, the checker reads them all.

Times are seconds of `CLOCK_MONOTONIC`, which is one clock for all processes and network namespaces of a machine,
whatever clock the process under test was given. A line is written with one `write`: a killed process leaves
whole lines behind, but for the last one at most.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FINGERPRINT_DIGITS: Final = 20


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at `at`, for calls: ended at `at` and began at `began`.

    `who`: the process, with the number of its start (`strict-0.2`), or `provider`, `conductor`. `kind`:

    * of the provider: `login` (a pair was made for a person), `issued` (a refresh token was `presented` and a new
      pair went out; `detail` is `lost` when the answer was thrown away on the way), `refused` (`detail`: why),
      `unwell` (503, nothing was looked at);
    * of a worker: `up`, `send`, `answer` (`detail`: how it ended), `settled`, `stale` and `unsaved` (what became
      of a new token), `got` and `failed` (what a caller received; `detail`: which caller, and for `failed` the
      error's code), `counted` (`number` of calls, `detail`: which);
    * of the conductor: `killed`, `stopped`, `resumed` (`detail`: the process), `cut`, `healed` (`detail`: the
      machine and how), `observed` (what the store held), and at the end, in quiet, `asked` or `unasked` (a
      caller's last word), `final` (`detail` is `intent` when a request's outcome is open) and `audited`.

    `access`, `refresh`, `presented` are fingerprints.
    """

    kind: str
    who: str = ""
    at: float = 0.0
    began: float = 0.0
    record: str = ""
    generation: int = 0
    access: str = ""
    refresh: str = ""
    presented: str = ""
    detail: str = ""
    number: int = 0


def fingerprint(secret: str) -> str:
    """Equal for equal secrets, and nothing of them."""
    return hashlib.sha256(b"race " + secret.encode()).hexdigest()[:FINGERPRINT_DIGITS] if secret else ""


class Journal:
    """Writes one process's history. Safe for threads."""

    def __init__(self, path: Path, who: str) -> None:
        self.who = who
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def note(self, kind: str, **more: Any) -> None:
        """Write down that `kind` happened now."""
        event = Event(kind, self.who, more.pop("at", None) or time.monotonic(), **more)
        said = {name: value for name, value in asdict(event).items() if value or name == "at"}
        os.write(self._file, json.dumps(said, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read(folder: Path) -> list[Event]:
    """All events of a race, in the order of time. A last line that a killed process did not finish is left out."""
    events: list[Event] = []
    for path in sorted(folder.glob("*.jsonl")):
        lines = path.read_bytes().split(b"\n")
        events += [Event(**json.loads(line)) for line in lines[:-1]]
    return in_order(events)


def in_order(events: Iterable[Event]) -> list[Event]:
    """By time; events of one moment stay as they are."""
    return sorted(events, key=lambda event: event.at)
