"""What makes a race hard: processes that are stopped and killed, and networks that fail. One deed at a time."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.fault_proxy import HEALTHY, Faults

from .crew import Member
from .history import Journal
from .machine import Machine

FAULTS: Final = {
    "latency": Faults(latency=0.05),
    "reset": Faults(reset_after=0),
    "half-close": Faults(half_closed=True),
    "blackhole": Faults(swallowing=True),
    "refused": Faults(refusing=True),
}


LONG_PART: Final = 0.2
"""The part of the stops of processes that may be killed that may last longer than a claim."""


@dataclass(frozen=True, slots=True)
class Temper:
    """How bad it gets. `short_stop`: for processes whose provider gives no grace, well below a claim (seconds).

    `long_stop`: for the others, longer than a claim now and then. `cut`: the longest that a network fails. `rest`:
    between two deeds, on average.
    """

    short_stop: float
    long_stop: float
    cut: float
    rest: float


class Nemesis:
    """Does its deeds in a thread of its own between `start` and `stop`, and leaves everything healed."""

    def __init__(
        self,
        members: Sequence[Member],
        machines: Sequence[Machine],
        journal: Journal,
        temper: Temper,
        randomness: random.Random,
    ) -> None:
        self._members = members
        self._machines = machines
        self._journal = journal
        self._temper = temper
        self._random = randomness
        self._end = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="nemesis")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; raises what went wrong with the nemesis itself."""
        self._end.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._end.wait(self._random.expovariate(1 / self._temper.rest)):
                self._do()
        except BaseException as error:
            self._error = error

    def _do(self) -> None:
        choices = [self._stop_one, self._kill_one]
        if self._machines:
            choices += [self._cut_one, self._cut_one]
        self._random.choice(choices)()

    def _stop_one(self) -> None:
        member = self._random.choice(self._members)
        is_long = member.may_be_killed and self._random.random() < LONG_PART
        longest = self._temper.long_stop if is_long else self._temper.short_stop
        member.stop()
        self._end.wait(self._random.uniform(0.05, longest))
        member.resume()

    def _kill_one(self) -> None:
        members = [member for member in self._members if member.may_be_killed]
        if members:
            self._random.choice(members).kill_and_start_again()

    def _cut_one(self) -> None:
        machine = self._random.choice(self._machines)
        name = self._random.choice(list(FAULTS))
        self._journal.note("cut", detail=f"{machine.name} {name}")
        machine.meet(FAULTS[name])
        self._end.wait(self._random.uniform(0.05, self._temper.cut))
        machine.meet(HEALTHY)
        self._journal.note("healed", detail=f"{machine.name} {name}")
