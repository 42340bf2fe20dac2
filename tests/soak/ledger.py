"""What the API gave for each request, beside what its client received. Whatever differs was lost on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

SHOWN_FAULTS: Final = 20


@dataclass(frozen=True, slots=True)
class Received:
    """What a client has in its hands: `status` 0 when the connection broke. `code`: of the gateway's own answers.

    `outcome`: what the gateway says that it did. `number`: what the body says which request it answers, -1 for none.
    `seconds`: how long it waited.
    """

    status: int
    number: int = -1
    code: str = ""
    outcome: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Ledger:
    """Counts, and the numbers of the requests under way: it does not grow with what has passed."""

    requests: int = 0
    answered: int = 0
    refused_by_api: int = 0
    expired_shown: int = 0
    lost: int = 0
    mixed_up: int = 0
    given_twice: int = 0
    longest_wait: float = 0.0
    by_gateway: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _given: dict[int, int] = field(default_factory=dict)

    def gave(self, number: int, *, good: bool) -> None:
        """The API has answered request `number`: with what was asked for, or that the token has expired."""
        if good:
            self.given_twice += number in self._given
            self._given[number] = self._given.get(number, 0) + 1
        else:
            self.refused_by_api += 1

    def received(self, number: int, received: Received) -> None:
        """The client of request `number` has its answer, or none."""
        self.requests += 1
        self.longest_wait = max(self.longest_wait, received.seconds)
        given = self._given.pop(number, 0)
        if received.status == 200:
            self.answered += 1
            if received.number != number or not given:
                self.mixed_up += 1
                self._fault(f"request {number} has the answer of {received.number}")
            return
        if given:
            self.lost += 1
            self._fault(f"request {number}: the API gave an answer, and its client got {received}")
        elif received.code:
            self.by_gateway[received.code] += 1
        elif received.status == 401:
            self.expired_shown += 1
            self._fault(f"request {number}: its client saw an expired answer ({received.outcome})")
        else:
            self.by_gateway[f"status {received.status}" if received.status else "connection broke"] += 1

    @property
    def open(self) -> int:
        """Answers that the API gave and that no client has looked for yet."""
        return len(self._given)

    def _fault(self, text: str) -> None:
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(text)
