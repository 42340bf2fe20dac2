"""The figures of a soak, as the table that docs/reliability.md shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of one soak. `top`: requests a second that were measured before, 0 where a rate was given.

    `mended`: expired answers of the API that no client saw. `refused`: answers of the gateway itself;
    `refused_while_away`: those of them while the database was gone and five seconds after. Memory in MiB.
    """

    seconds: float
    top: float
    rate: float
    requests: int
    answered: int
    mended: int
    expired_shown: int
    lost: int
    mixed_up: int
    given_twice: int
    refused: int
    refused_while_away: int
    refusals: tuple[tuple[str, int], ...]
    longest_wait: float
    token_requests: int
    token_failures: int
    control_starts: int
    memory_early: float
    memory_late: float

    def table(self) -> str:
        """The figures as a table in Markdown."""
        rows = [
            ("seconds", f"{self.seconds:,.0f}"),
            ("requests a second", f"{self.rate:,.0f}" + (f" of {self.top:,.0f}" if self.top else "")),
            ("requests", f"{self.requests:,}"),
            ("answers of the API that their clients got", f"{self.answered:,}"),
            ("expired answers of the API, mended unseen", f"{self.mended - self.expired_shown:,}"),
            ("**expired answers that a client saw**", f"**{self.expired_shown:,}**"),
            ("**answers of the API that were lost**", f"**{self.lost:,}**"),
            ("answers that reached another request", f"{self.mixed_up:,}"),
            ("requests that the API answered twice", f"{self.given_twice:,}"),
            ("requests that the gateway refused, having no credential", f"{self.refused:,}"),
            ("… of them while the database was away", f"{self.refused_while_away:,}"),
            *((f"… with the code `{code}`", f"{number:,}") for code, number in self.refusals),
            ("longest wait of a request, s", f"{self.longest_wait:.1f}"),
            ("token requests", f"{self.token_requests:,}"),
            ("… of them failed by the provider", f"{self.token_failures:,}"),
            ("times that the control process was started", f"{self.control_starts}"),
            (
                "memory of the gateway, MiB, early and late",
                f"{self.memory_early:.1f}, {self.memory_late:.1f}",
            ),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
