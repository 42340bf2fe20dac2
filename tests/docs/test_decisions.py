"""Decisions are numbered without gaps, have one form, and stand in the list."""

from __future__ import annotations

import re

import pytest

from tests.docs.markdown import ROOT, headings, links, text_of

FOLDER = ROOT / "docs" / "decisions"
PARTS = ["Context", "Decision", "Why", "Runner-up", "Consequences"]
LONGEST = 90
"""Lines: a decision is one page."""

DECISIONS = sorted(path.name for path in FOLDER.glob("*.md") if path.name != "README.md")


def test_decisions_are_numbered_from_one_without_gaps() -> None:
    assert DECISIONS
    assert [name.partition("-")[0] for name in DECISIONS] == [
        f"{number:04d}" for number in range(1, len(DECISIONS) + 1)
    ]
    assert all(re.fullmatch(r"[0-9]{4}(-[a-z0-9]+)+\.md", name) for name in DECISIONS)


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_is_one_page_of_a_fixed_form(name: str) -> None:
    page = f"docs/decisions/{name}"
    title = headings(page, 1)
    assert len(title) == 1
    assert title[0].startswith(f"{int(name[:4])}. ")
    assert headings(page, 2) == PARTS
    assert len(text_of(page).splitlines()) <= LONGEST


@pytest.mark.parametrize("name", DECISIONS)
def test_every_part_of_a_decision_says_something(name: str) -> None:
    parts = re.split(r"^## .*$", (FOLDER / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(parts) == len(PARTS)
    assert all(len(part.split()) >= 8 for part in parts)


def test_the_list_of_decisions_names_each_of_them_once() -> None:
    listed = [link.target for link in links("docs/decisions/README.md")]
    assert [target for target in listed if re.match(r"[0-9]{4}-", target)] == DECISIONS
