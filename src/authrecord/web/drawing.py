"""Templates and assets: loaded once, everything escaped, every asset under an address that holds its digest."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from jinja2 import Environment

TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}
STYLES: Final = ("tokens", "base", "frame", "controls", "form", "panels", "list", "notices", "narrow")
"""The files of `static/styles`, one idea each, in the order in which they count; a page loads them as one."""

_NOT_SLUG: Final = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of `static/`. `packed`: the same, gzipped."""

    content: bytes
    packed: bytes
    kind: str


@cache
def assets() -> dict[str, Asset]:
    """Every asset by its name."""
    static = files(__package__) / "static"
    contents = {"page.css": b"".join((static / "styles" / f"{name}.css").read_bytes() for name in STYLES)}
    contents |= {entry.name: entry.read_bytes() for entry in static.iterdir() if entry.is_file()}
    return {
        name: Asset(content, gzip.compress(content, 9, mtime=0), TYPES[ending])
        for name, content in sorted(contents.items())
        if (ending := name.rpartition(".")[2]) in TYPES
    }


@cache
def version() -> str:
    """A digest over all assets: a part of their addresses, so that they can be kept for ever."""
    digest = sha256()
    for name, asset in assets().items():
        digest.update(name.encode() + b"\0" + asset.content)
    return digest.hexdigest()[:12]


@cache
def environment() -> Environment:
    """The templates. What is not there is an error, and everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["slug"] = slug
    made.filters["opening"] = lambda text: text[:1].upper() + text[1:]
    made.filters["worded"] = worded
    made.globals["asset"] = lambda name: f"/static/{version()}/{name}"
    return made


def slug(path: str) -> str:
    """A path as an id in a page."""
    return _NOT_SLUG.sub("-", path)


def worded(text: str) -> Markup:
    """Text in which what stands between backticks is code; everything is escaped."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


def drawn(template: str, values: dict[str, Any]) -> str:
    """A template with its values."""
    return environment().get_template(template).render(values)
