"""What a test asks of one run of `authrecord check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.cli.desk import Desk


@dataclass(frozen=True)
class Consultation:
    """The exit code, the advice, and the steps by their names."""

    code: int
    advice: str
    steps: dict[str, dict[str, Any]]
    text: str

    def verdict(self, step: str) -> str:
        """How that step ended."""
        return str(self.steps[step]["verdict"])

    def details(self, step: str) -> str:
        """What it tried and what was answered."""
        return "\n".join(self.steps[step]["details"])


def checked(desk: Desk, *arguments: str, typed: str | bytes = "") -> Consultation:
    """Run it as a program would and as a person would: both say the same, and the last line is the advice."""
    ended = desk.run("check", *arguments, "--json", typed=typed)
    data = ended.data
    shown = desk.run("check", *arguments, typed=typed)
    assert shown.code == ended.code == data["exit_code"]
    lines = shown.out.rstrip("\n").split("\n")
    assert lines[-1].startswith(("Nothing to change: ", "Change this: ", "It works. Better: "))
    assert sum(line.startswith(("Nothing to change", "Change this: ", "It works.")) for line in lines) == 1
    assert lines[-2] == ""
    steps = {one["step"]: one for one in data["steps"]}
    return Consultation(ended.code, data["advice"], steps, shown.out)
