"""Reads our Markdown files: fenced blocks, headings with their anchors, links. Only what these files use of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_FENCE: Final = re.compile(r"^( *)```(.*)$")
_HEADING: Final = re.compile(r"^(#{1,6}) +(.+?) *#*$")
_LINK: Final = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)(?: +\"[^\"]*\")?\)")
_CODE: Final = re.compile(r"(`+).+?\1")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `info` is what stands behind the fence, `line` where its text begins."""

    page: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is written."""

    page: str
    line: int
    target: str


def pages() -> list[str]:
    """Every Markdown file of the project, by its path from the root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def text_of(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    begun: tuple[int, str] | None = None
    lines: list[str] = []
    for number, line in enumerate(text_of(page).splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            lines.append(line)
        elif begun is None:
            begun, lines = (number + 1, fence[2].strip()), []
        else:
            found.append(Block(page, begun[0], begun[1], "\n".join(lines) + "\n"))
            begun = None
    if begun is not None:
        raise ValueError(f"{page}: a block that begins before line {begun[0]} has no end")
    return found


def links(page: str) -> list[Link]:
    """The links of a page that stand in its prose."""
    return [
        Link(page, number, found[1])
        for number, line in _prose(page)
        for found in _LINK.finditer(_CODE.sub("", line))
    ]


def anchors(page: str) -> set[str]:
    """What a link may name behind `#`: the headings, as GitHub turns them into anchors."""
    found: set[str] = set()
    for _, line in _prose(page):
        heading = _HEADING.match(line)
        if heading is None:
            continue
        anchor = base = _anchor(heading[2])
        count = 0
        while anchor in found:
            count += 1
            anchor = f"{base}-{count}"
        found.add(anchor)
    return found


def headings(page: str, level: int) -> list[str]:
    """The headings of one level, in order."""
    found = [_HEADING.match(line) for _, line in _prose(page)]
    return [one[2] for one in found if one is not None and len(one[1]) == level]


def _prose(page: str) -> list[tuple[int, str]]:
    """The lines outside of fenced blocks, with their numbers."""
    found: list[tuple[int, str]] = []
    inside = False
    for number, line in enumerate(text_of(page).splitlines(), 1):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            found.append((number, line))
    return found


def _anchor(heading: str) -> str:
    """GitHub's way: small letters, blanks to hyphens, everything else but letters, digits, `_` and `-` dropped."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return "".join(one for one in plain.lower().replace(" ", "-") if one.isalnum() or one in "_-")
