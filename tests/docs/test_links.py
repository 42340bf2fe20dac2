"""Every link between our pages leads somewhere, and every page can be reached from the README."""

from __future__ import annotations

from posixpath import dirname, join, normpath
from urllib.parse import unquote

import pytest

from tests.docs.markdown import ROOT, Link, anchors, links, pages

OUTSIDE = ("https://", "mailto:")


def target_of(link: Link) -> tuple[str, str]:
    """The file that a link names, by its path from the root, and the anchor in it."""
    path, _, anchor = unquote(link.target).partition("#")
    return (normpath(join(dirname(link.page), path)) if path else link.page), anchor


def inner_links(page: str) -> list[Link]:
    """The links of a page that do not leave the project."""
    return [link for link in links(page) if not link.target.startswith(OUTSIDE)]


@pytest.mark.parametrize("page", pages())
def test_every_relative_link_leads_to_a_file_and_a_heading_that_exist(page: str) -> None:
    broken = []
    for link in inner_links(page):
        path, anchor = target_of(link)
        if path.startswith("..") or not (ROOT / path).exists():
            broken.append(f"{page}:{link.line}: there is no file {link.target}")
        elif anchor and (not path.endswith(".md") or anchor not in anchors(path)):
            broken.append(f"{page}:{link.line}: there is no heading {link.target}")
    assert not broken, "\n".join(broken)


def test_links_are_found_so_that_the_test_above_can_fail() -> None:
    found = {link.target for link in links("README.md")}
    assert {"docs/clients.md", "SECURITY.md", "LICENSE"} <= found
    assert "a-first-record-in-a-minute" in anchors("README.md")


def test_every_page_can_be_reached_from_the_readme() -> None:
    """A page that nobody links to is never read."""
    reached, waiting = set[str](), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.endswith(".md") or not (ROOT / page).is_file():
            continue
        reached.add(page)
        waiting += [target_of(link)[0] for link in inner_links(page)]
    assert set(pages()) <= reached, f"nobody links to {sorted(set(pages()) - reached)}"
