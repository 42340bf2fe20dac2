"""Every function of the store that writes can be made to fail before and behind its commit (attack row K1)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shape import fault_rules
from tests.shape.tree import check_nothing_found, python_files, tree_of

RULES = [
    fault_rules.writes_without_fault_points,
    fault_rules.changes_outside_of_transactions,
    fault_rules.points_without_a_written_name,
]

GOOD = """
def settle(self):
    with self._backend.writing() as transaction:
        transaction.change("…")
        fault("settle.before_commit")
    fault("settle.after_commit")

def given(transaction):
    transaction.change_many("…", [])
    fault(f"given.batch_{number}")

def wake(self):
    with self._backend.writing() as transaction:
        transaction.notify("…")
"""

BAD = {
    "no point before the commit": """
def settle(self):
    with self._backend.writing() as transaction:
        transaction.change("…")
    fault("settle.after_commit")
""",
    "no point behind the commit": """
def settle(self):
    with self._backend.writing() as transaction:
        transaction.change("…")
        fault("settle.before_commit")
""",
    "its points are in a function inside it": """
def settle(self):
    def nobody_calls():
        fault("settle.before_commit")
    with self._backend.writing() as transaction:
        transaction.change("…")
""",
    "it changes what it did not open": """
def settle(self):
    self._transaction.change("…")
""",
    "it hands its transaction on": """
def settle(self):
    with self._backend.writing() as transaction:
        append(transaction, "…")
""",
    "a name made up as it runs": """
def settle(name):
    fault(name)
""",
}


def writing_files() -> list[Path]:
    """The modules that the rules are for."""
    files = [path for path in python_files("src") if "stores/sql" in path.as_posix()]
    return [*files, *[path for path in python_files("src") if path.name == "renewal.py"]]


@pytest.mark.parametrize("rule", RULES)
def test_K1_whatever_writes_passes_fault_points(
    rule: Callable[[ast.Module], Iterator[fault_rules.Fault]],
) -> None:
    check_nothing_found(
        [f"{path}:{line}: {fault}" for path in writing_files() for line, fault in rule(tree_of(path))]
    )


@pytest.mark.parametrize("name", BAD)
def test_the_rules_find_what_they_are_for(name: str) -> None:
    tree = ast.parse(BAD[name])
    assert [fault for rule in RULES for fault in rule(tree)], name


def test_the_rules_leave_good_code_alone() -> None:
    tree = ast.parse(GOOD)
    assert [fault for rule in RULES for fault in rule(tree)] == []
    assert set(fault_rules.names_of_points(tree)) == {
        "settle.before_commit",
        "settle.after_commit",
        "given.batch_*",
    }
