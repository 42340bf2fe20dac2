"""What secret fields and parameter values may hold. A message never says more than which rule was broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..core.secret import Reference, Secret, SecretSource, parse_source
from .rules import LONGEST_SECRET, PRINTABLE_PATTERN, Wrong, text, visible

_COOKIE_VALUE: Final = re.compile(r'"?[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"?')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

Content = Callable[[str], None]
"""A rule for what a secret literal may hold; raises `Wrong`. A reference is checked when it is resolved."""


def in_header(value: str) -> None:
    """What may stand in a header: printable ASCII without a space before or after (row D1)."""
    if value and not re.fullmatch(PRINTABLE_PATTERN, value):
        hint = "Look for a line break or a space at its end; nothing outside printable ASCII is sent in a header."
        raise Wrong("holds a character that a header must not have", hint)


def in_cookie(value: str) -> None:
    """What may stand in a cookie (RFC 6265 §4.1.1)."""
    if not _COOKIE_VALUE.fullmatch(value):
        raise Wrong(
            "holds a character that a cookie must not have", "No space, comma, semicolon or backslash."
        )


def in_query(value: str) -> None:
    """What may stand in a query or a form: anything but control characters, since it is encoded."""
    if _CONTROL.search(value):
        raise Wrong("holds a control character or a line break")


def any_lines(value: str) -> None:
    """A key in PEM form has line breaks; NUL is refused."""
    if "\x00" in value:
        raise Wrong("holds a NUL character")


def secret(value: object, content: Content, *, may_be_empty: bool = False) -> SecretSource:
    """A literal, or a reference such as `${env:NAME}`."""
    source = _source(value)
    if isinstance(source, Reference):
        return source
    _check(source, content, may_be_empty=may_be_empty)
    return source


def _source(value: object) -> SecretSource:
    if isinstance(value, (Secret, Reference)):
        return value
    try:
        return parse_source(text(value))
    except Wrong:
        raise
    except ValueError:
        hint = "A reference is written ${env:NAME}, ${file:path}, ${keyring:service/name} or ${command:…}."
        raise Wrong("begins like a reference, and is none", hint) from None


def _check(source: Secret, content: Content, *, may_be_empty: bool) -> None:
    literal = text(source.reveal())
    if not literal and not may_be_empty:
        raise Wrong("is empty", "Give a value, or a reference such as ${env:NAME}.")
    if len(literal) > LONGEST_SECRET:
        raise Wrong(f"is longer than {LONGEST_SECRET:,} characters")
    content(literal)


def maybe_sensitive(
    value: object, content: Content, *, sensitive: bool, may_be_empty: bool
) -> SecretSource | str:
    """A value that is secret only if the record says so: a `str` where it is not.

    What looks like a reference and is none stays text (row D6), unless the value is sensitive: then a typing
    mistake must not be sent as if it were the secret.
    """
    if sensitive:
        return secret(value, content, may_be_empty=may_be_empty)
    if isinstance(value, Secret):
        raise Wrong("holds a secret, and is not marked as sensitive", "Mark it as sensitive.")
    try:
        source = parse_source(value) if isinstance(value, str) else value
    except ValueError:
        source = value
    if isinstance(source, Reference):
        return source
    literal = text(value)
    _check(Secret(literal), content, may_be_empty=may_be_empty)
    return literal


def client_id(value: str) -> None:
    """Printable ASCII (RFC 6749 §A.1)."""
    visible(value)
