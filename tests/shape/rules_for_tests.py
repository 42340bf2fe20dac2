"""Rules for tests, each a function from a syntax tree to faults, a line and a sentence each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

Fault = tuple[int, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef

ROW = re.compile(r"[A-QS]\d+")
CHECKING_CONTEXTS = frozenset({"raises", "warns", "RaisesGroup", "deprecated_call"})
CHECKING_CALLS = ("assert_", "check_", "fnmatch_lines")
CHECKING_METHODS = frozenset({"scan", "fail"})


def functions_that_test(tree: ast.Module) -> Iterator[Function]:
    """The test functions of a module, those in classes too."""
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name.startswith("test_"):
            yield node


def rows_of(name: str) -> list[str]:
    """The rows that a test's name begins with: `test_A1_A2_state_is_…` gives A1 and A2."""
    rows: list[str] = []
    for word in name.split("_")[1:]:
        if not ROW.fullmatch(word):
            break
        rows.append(word)
    return rows


def tests_that_say_nothing(tree: ast.Module) -> Iterator[Fault]:
    """Tests without a docstring whose name has fewer than three words beside `test` and its rows."""
    for test in functions_that_test(tree):
        words = [word for word in test.name.split("_")[1 + len(rows_of(test.name)) :] if word]
        if len(words) < 3 and not ast.get_docstring(test):
            yield test.lineno, f"{test.name} does not say what must hold"


def tests_that_assert_nothing(tree: ast.Module) -> Iterator[Fault]:
    """Tests without `assert`, `pytest.raises` or a call of a helper named `assert_…` or `check_…`."""
    for test in functions_that_test(tree):
        if not any(_checks_something(node) for node in ast.walk(test)):
            yield test.lineno, f"{test.name} asserts nothing"


def _checks_something(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        # `assert True` and `assert "text"` cannot fail.
        return not isinstance(node.test, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return (
        name in CHECKING_CONTEXTS
        or name.lstrip("_").startswith(CHECKING_CALLS)
        or (isinstance(function, ast.Attribute) and name in CHECKING_METHODS)
    )


def skips_without_reason(tree: ast.Module) -> Iterator[Fault]:
    """`skip`, `skipif`, `xfail` and `importorskip` that do not say why."""
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            for decorator in node.decorator_list:
                if ast.unparse(decorator) in {"pytest.mark.skip", "pytest.mark.xfail", "unittest.skip"}:
                    yield decorator.lineno, "skipped without a reason"
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        named = any(keyword.arg == "reason" for keyword in node.keywords)
        if name in {"pytest.mark.skip", "pytest.skip", "pytest.xfail"} and not node.args and not named:
            yield node.lineno, "skipped without a reason"
        if name in {"pytest.mark.skipif", "pytest.mark.xfail", "pytest.importorskip"} and not named:
            yield node.lineno, "skipped without a reason"
