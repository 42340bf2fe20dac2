"""Every row of the attack catalogue and of the standards has a test, or a line that says why not yet."""

from __future__ import annotations

import re

from tests.shape.rows import all_rows, required_rows
from tests.shape.rules_for_tests import functions_that_test, rows_of
from tests.shape.tree import ROOT, check_nothing_found, python_files, tree_of

COVERAGE = ROOT / "docs" / "security" / "coverage.md"

LINE = re.compile(r"^\s*[|*-]\s*((?:[A-QS]\d+(?:\s*,\s*)?)+)\s*[|:]\s*(.*\S)", re.MULTILINE)
"""`| A12 | why |`, `- A12, A13: why`."""


def explained_rows(text: str) -> dict[str, str]:
    """The rows that a coverage page names at the beginning of a line, and the reason that follows."""
    return {row: reason for rows, reason in LINE.findall(text) for row in re.findall(r"[A-QS]\d+", rows)}


def rows_with_a_test() -> set[str]:
    """The rows that the name of some test begins with."""
    return {
        row
        for path in python_files("tests")
        for test in functions_that_test(tree_of(path))
        for row in rows_of(test.name)
    }


def test_every_required_row_has_a_test_or_a_line_in_the_coverage_page() -> None:
    explained = explained_rows(COVERAGE.read_text(encoding="utf-8")) if COVERAGE.exists() else {}
    tested = rows_with_a_test()
    check_nothing_found([row for row in required_rows() if row not in tested and row not in explained])


def test_each_line_of_the_coverage_page_names_a_row_that_exists_and_gives_a_reason() -> None:
    explained = explained_rows(COVERAGE.read_text(encoding="utf-8"))
    check_nothing_found([f"{row} is no row" for row in explained if row not in all_rows()])
    check_nothing_found([f"{row}: no reason" for row, reason in explained.items() if len(reason.split()) < 4])


def test_the_list_of_rows_is_the_whole_catalogue() -> None:
    assert len(all_rows()) == 289 + 88
    assert (
        len(required_rows())
        == 24 + 9 + 31 + 16 + 14 + 10 + 17 + 11 + 18 + 10 + 17 + 18 + 19 + 18 + 25 + 26 + 68
    )
    assert explained_rows("- A1, S2: not yet\n| B3 | why | x |\ntext A4: no") == {
        "A1": "not yet",
        "S2": "not yet",
        "B3": "why | x |",
    }
