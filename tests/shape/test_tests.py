"""The tests keep to their rules: each says what must hold, and each can fail."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest

from tests.shape import rules_for_tests
from tests.shape.rows import all_rows
from tests.shape.tree import check_nothing_found, python_files, tree_of

RULES = [
    rules_for_tests.tests_that_say_nothing,
    rules_for_tests.tests_that_assert_nothing,
    rules_for_tests.skips_without_reason,
]


@pytest.mark.parametrize("rule", RULES)
def test_every_test_says_what_must_hold_asserts_it_and_is_not_skipped_silently(
    rule: Callable[[ast.Module], Iterator[rules_for_tests.Fault]],
) -> None:
    files = python_files("tests")
    check_nothing_found([f"{path}:{line}: {fault}" for path in files for line, fault in rule(tree_of(path))])


def test_no_test_is_named_after_a_row_that_does_not_exist() -> None:
    known = all_rows()
    check_nothing_found(
        [
            f"{path}:{test.lineno}: {row} is no row of the catalogue"
            for path in python_files("tests")
            for test in rules_for_tests.functions_that_test(tree_of(path))
            for row in rules_for_tests.rows_of(test.name)
            if row not in known
        ]
    )
