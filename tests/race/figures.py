"""The figures of a race, as the table that docs/reliability.md shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .history import Event


@dataclass(frozen=True)
class Figures:
    """Counts of one race. `seconds`: from the first to the last event."""

    seconds: float
    records: int
    processes: int
    calls: int
    expiries: int
    token_requests: int
    unwell: int
    repeated: int
    reuse_detected: int
    lost: int
    deeds: tuple[tuple[str, int], ...]
    failures: tuple[tuple[str, int], ...]

    def table(self) -> str:
        """The figures as a table in Markdown."""
        rows = [
            ("seconds", f"{self.seconds:,.0f}"),
            ("records", f"{self.records:,}"),
            ("processes, each start counted", f"{self.processes:,}"),
            ("calls for a token", f"{self.calls:,}"),
            ("expiries (generations renewed)", f"{self.expiries:,}"),
            ("token requests", f"{self.token_requests:,}"),
            ("… of them answered with 503", f"{self.unwell:,}"),
            ("… of them repeated, outcome unknown", f"{self.repeated:,}"),
            ("reuse detected", f"{self.reuse_detected:,}"),
            ("acknowledged tokens lost", f"{self.lost:,}"),
            *((f"nemesis: {name}", f"{number:,}") for name, number in self.deeds),
            *((f"callers told: {name}", f"{number:,}") for name, number in self.failures),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def figures(history: Sequence[Event], faults: Sequence[str]) -> Figures:
    """What happened in a race of which the checker said `faults`."""
    kinds = Counter(event.kind for event in history)
    presented = Counter(event.presented for event in history if event.kind in {"issued", "refused"})
    deeds = Counter(
        event.kind if event.kind in {"killed", "stopped"} else event.detail.partition(" ")[2]
        for event in history
        if event.kind in {"killed", "stopped", "cut"}
    )
    failures = Counter(event.detail.rpartition(" ")[2] for event in history if event.kind == "failed")
    return Figures(
        seconds=max(event.at for event in history) - min(event.at for event in history),
        records=len({event.record for event in history if event.record}),
        processes=kinds["up"],
        calls=sum(event.number for event in history if event.kind == "counted"),
        expiries=sum(event.generation - 1 for event in history if event.kind == "final"),
        token_requests=kinds["issued"] + kinds["refused"] + kinds["unwell"],
        unwell=kinds["unwell"],
        repeated=sum(number - 1 for number in presented.values()),
        reuse_detected=sum(event.detail == "reuse" for event in history if event.kind == "refused"),
        lost=sum("acknowledged token lost" in fault for fault in faults),
        deeds=tuple(sorted(deeds.items())),
        failures=tuple(sorted(failures.items())),
    )
