"""Each rule of the shape tests finds what it is made to find, and lets its honest neighbour pass."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest

from tests.shape import rules_for_tests, source_rules, text_rules

TREE_RULES: list[tuple[Callable[[ast.Module], Iterator[tuple[int, str]]], str, str]] = [
    (source_rules.missing_docstrings, "x = 1", '"""Says what."""'),
    (source_rules.missing_docstrings, '"""x"""\ndef f(): pass', '"""x"""\ndef _f(): pass'),
    (
        source_rules.missing_docstrings,
        '"""x"""\nclass A:\n "x"\n async def f(): pass',
        '"""x"""\nclass A: "x"',
    ),
    (source_rules.revealing, "a.reveal()", "a.reveals()"),
    (source_rules.revealing, "door = a.b.reveal", "reveal = 1"),
    (source_rules.revealing, "text = messages.plain(value)", "text = plainly(value)"),
    (source_rules.unverified_tls, "get(verify=False)", "get(verify=True)"),
    (source_rules.unverified_tls, "context.check_hostname = False", "context.check_hostname = True"),
    (source_rules.unverified_tls, "c.verify_mode = ssl.CERT_NONE", "c.verify_mode = ssl.CERT_REQUIRED"),
    (source_rules.unsafe_loading, "import pickle", "import json"),
    (source_rules.unsafe_loading, "yaml.load(text)", "json.load(text)"),
    (source_rules.unsafe_loading, "YAML(typ='unsafe')", "YAML(typ='safe')"),
    (source_rules.unsafe_loading, "eval(text)", "ast.literal_eval(text)"),
    (source_rules.joining_urls, "parse.urljoin(a, b)", "''.join(a, b)"),
    (source_rules.patterns_from_outside, "re.compile(text)", "re.compile('x' + PART)"),
    (source_rules.patterns_from_outside, "re.search(f'{text}', t)", "re.search(rf'{PART}x', t)"),
    (
        source_rules.patterns_from_outside,
        "[re.compile(p) for p in patterns]",
        "[re.compile(p) for p in ('a', 'b')]",
    ),
    (source_rules.patterns_from_outside, "re.sub(pattern=p, repl=q, string=s)", "re2.compile(text)"),
    (
        rules_for_tests.tests_that_say_nothing,
        "def test_it_works(): pass",
        "def test_A1_it_does_work_well(): pass",
    ),
    (rules_for_tests.tests_that_say_nothing, "def test_A1_A2_x(): pass", "def test_x():\n '''Says it.'''"),
    (rules_for_tests.tests_that_assert_nothing, "def test_x(): f()", "def test_x(): assert f()"),
    (rules_for_tests.tests_that_assert_nothing, "def test_x(): assert True", "def test_x(): check_it()"),
    (
        rules_for_tests.tests_that_assert_nothing,
        "async def test_x():\n with f(): pass",
        "async def test_x():\n with pytest.raises(E): pass",
    ),
    (rules_for_tests.skips_without_reason, "pytest.skip()", "pytest.skip('no such part')"),
    (
        rules_for_tests.skips_without_reason,
        "@pytest.mark.skip\ndef test_x(): pass",
        "@pytest.mark.skip(reason='y')\ndef test_x(): pass",
    ),
    (rules_for_tests.skips_without_reason, "pytest.mark.skipif(c)", "pytest.mark.skipif(c, reason='y')"),
]

TEXT_RULES: list[tuple[Callable[[str], Iterator[tuple[int, str]]], str, str]] = [
    (
        text_rules.exceptions_without_reason,
        "x  # type: ignore[misc]",
        "x  # type: ignore[misc]  # made at run time",
    ),
    (text_rules.exceptions_without_reason, "x  # noqa: S101", "x  # noqa: S101 - the caller has checked"),
    (text_rules.exceptions_without_reason, "# ruff: noqa: S101", "x = '# noqa: S101'"),
    (text_rules.exceptions_without_reason, "x  # pragma: no cover", "x  # what no cover means"),
    (text_rules.leftovers, "x  # TO" + "DO later", "x  # done"),
    (text_rules.local_text, "see /" + "work/main/src", "see src"),
    (text_rules.local_text, "https://" + "pypi." + "org/simple", "from PyPI"),
]


@pytest.mark.parametrize(("rule", "bad", "good"), TREE_RULES)
def test_a_rule_for_code_finds_the_bad_and_passes_the_good(
    rule: Callable[[ast.Module], Iterator[tuple[int, str]]], bad: str, good: str
) -> None:
    assert list(rule(ast.parse(bad)))
    assert not list(rule(ast.parse(good)))


@pytest.mark.parametrize(("rule", "bad", "good"), TEXT_RULES)
def test_a_rule_for_text_finds_the_bad_and_passes_the_good(
    rule: Callable[[str], Iterator[tuple[int, str]]], bad: str, good: str
) -> None:
    assert list(rule(bad + "\n"))
    assert not list(rule(good + "\n"))


def test_the_law_of_a_room_is_a_sentence_about_what_it_may_do() -> None:
    assert source_rules.law_is_missing(ast.parse('"""The room of stores."""'))
    assert source_rules.law_is_missing(ast.parse('"""The law of this room is kindness."""'))
    assert not source_rules.law_is_missing(ast.parse('"""The law of this room: it imports core only."""'))
