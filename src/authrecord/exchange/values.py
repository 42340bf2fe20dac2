"""Single values of a foreign text: what is a value, what is a placeholder, what may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..core.origin import origin_of
from ..documents.tree import shown_key

_WHOLE_NAME: Final = re.compile(
    r"\$[A-Za-z_][A-Za-z0-9_]{0,200}|%[A-Za-z_][A-Za-z0-9_]{0,200}%|<[^<>]{1,200}>|[*•]+"
)
_VARIABLE: Final = re.compile(r"\{\{ ?([A-Za-z0-9_.-]{1,100}) ?\}\}|<<([A-Za-z0-9_.-]{1,100})>>")
_PAIRS: Final = (("{{", "}}"), ("{%", "%}"), ("<<", ">>"), ("${", "}"), ("$(", ")"))
_KEY_WORDS: Final = (
    "apikey",
    "authorization",
    "authtoken",
    "accesskey",
    "accesstoken",
    "privatetoken",
    "subscriptionkey",
    "authkey",
    "secret",
)
_SENSITIVE_WORDS: Final = (
    "secret",
    "password",
    "passphrase",
    "token",
    "key",
    "assertion",
    "credential",
    "signature",
)
_NAMES_WITH_DIGITS: Final = ("oauth1", "oauth2", "awsv4")
MOST_VARIABLES: Final = 1_000
"""Variables of a text that are looked up."""


def is_placeholder(text: str) -> bool:
    """True for text that stands for a value that is somewhere else, and for text that a tool has masked."""
    if any(opening in text and closing in text for opening, closing in _PAIRS):
        return True
    return _WHOLE_NAME.fullmatch(text) is not None


def is_open_address(text: str) -> bool:
    """True for an address with a hole in it, such as OpenAPI's `https://{tenant}.example.com`."""
    return is_placeholder(text) or "{" in text


def text_at(group: object, *steps: str) -> str:
    """The text at the end of `steps` through nested groups; empty where there is none, or no text."""
    for step in steps:
        group = group.get(step) if isinstance(group, Mapping) else None
    return group if isinstance(group, str) else ""


def group_at(group: object, *steps: str) -> Mapping[str, Any]:
    """The group at the end of `steps`; an empty one where there is none."""
    for step in steps:
        group = group.get(step) if isinstance(group, Mapping) else None
    return group if isinstance(group, Mapping) else {}


def list_at(group: object, *steps: str) -> list[Any]:
    """The list at the end of `steps`; an empty one where there is none."""
    for step in steps:
        group = group.get(step) if isinstance(group, Mapping) else None
    return group if isinstance(group, list) else []


def looks_like_a_key_name(name: str) -> bool:
    """True for the name of a header, query parameter or cookie that usually carries an API key."""
    plain = name.lower().replace("-", "").replace("_", "")
    return plain in {"key", "token", "auth", "xkey", "xtoken", "xauth"} or any(
        word in plain for word in _KEY_WORDS
    )


def looks_sensitive(name: str) -> bool:
    """True for the name of a parameter whose value had better be masked."""
    return any(word in name.lower() for word in _SENSITIVE_WORDS)


def shown(name: object) -> str:
    """A name of the foreign text as a note may show it: never one that could be a token in the wrong place."""
    return str(name) if name in _NAMES_WITH_DIGITS else shown_key(name)


def origin_text(url: str) -> str:
    """The origin of an address as `allowed_origins` takes it; empty for one that is open, relative or refused."""
    if is_open_address(url.partition("?")[0]):
        return ""
    try:
        return str(origin_of(url.partition("?")[0].partition("#")[0]))
    except ValueError:
        return ""


class Variables:
    """Variables that the text itself defines; names are looked up once, and never inside a value."""

    def __init__(self, pairs: Iterable[tuple[object, object]] = ()) -> None:
        self._known: dict[str, str] = {}
        for name, value in pairs:
            if len(self._known) >= MOST_VARIABLES:
                break
            if isinstance(name, str) and isinstance(value, str) and value and not is_placeholder(value):
                self._known.setdefault(name, value)

    def filled(self, value: Any) -> Any:
        """`value` with every known variable in it; other kinds of values, and unknown names, stay."""
        if not isinstance(value, str) or not self._known or len(value) > 10_000:
            return value
        return _VARIABLE.sub(lambda found: self._known.get(found[1] or found[2], found[0]), value)
