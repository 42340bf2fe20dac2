"""Rules for comments and for any text: reasons beside exceptions, no leftovers, nothing of one machine."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.shape.tree import ROOT

Fault = tuple[int, str]

EXCEPTIONS = {
    "type: ignore": re.compile(r"#\s*type:\s*ignore(\[[\w\-, ]*\])?(?P<reason>.*)"),
    "noqa": re.compile(r"#\s*(?:ruff:\s*)?noqa(:\s*[A-Z]+[0-9]*(?:[,\s]+[A-Z]+[0-9]+)*)?(?P<reason>.*)"),
    "no cover": re.compile(r"#\s*pragma:\s*no cover(?P<reason>.*)"),
    "nosec": re.compile(r"#\s*nosec(?P<reason>.*)"),
}
"""Comments that switch a check off. What follows on the line is the reason."""

LEFTOVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")

# Joined here, so that this file does not hold what it forbids.
WORKPLACE = chr(47) + "work"
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("debian", "org/debian"),
    )
)


def comments(source: str) -> Iterator[Fault]:
    """The comments of a Python source: line and text."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def exceptions_without_reason(source: str) -> Iterator[Fault]:
    """`type: ignore`, `noqa` and the like whose line does not say why. A reason has two words at least."""
    for line, comment in comments(source):
        for name, form in EXCEPTIONS.items():
            found = form.search(comment)
            if found and len(re.findall(r"\w+", found["reason"])) < 2:
                yield line, f"{name} without a reason"


def leftovers(source: str) -> Iterator[Fault]:
    """Notes that somebody left for later in a comment."""
    for line, comment in comments(source):
        if LEFTOVER.search(comment):
            yield line, "a note for later: do it, or file an issue"


def machine_paths() -> tuple[str, ...]:
    """Paths that exist on one machine only: of this checkout, of its user, and of the place where it was written."""
    fixed = tuple(f"{WORKPLACE}/{folder}" for folder in ("main", "shared", "notes"))
    home = str(Path.home())
    return (str(ROOT), *([home + "/"] if len(home) > 1 else []), *fixed)


def local_text(text: str) -> Iterator[Fault]:
    """Paths of one machine and hosts of package registries."""
    forbidden = (*machine_paths(), *REGISTRIES)
    for number, line in enumerate(text.splitlines(), 1):
        for word in forbidden:
            if word in line:
                yield number, "a path of one machine" if word.startswith("/") else "the host of a registry"
