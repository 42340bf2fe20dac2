"""What each kind of text field may hold. A rule gives the value as the record keeps it, or raises `Wrong`.

No message holds the value. Sources: RFC 6749 appendix A for the characters, RFC 9110 §5 for headers, RFC 6265
§4.1.1 for cookies; attack rows D1 to D6.
"""

from __future__ import annotations

import re
from typing import Final

from ..core.fields import Choice

LONGEST_TEXT: Final = 4_096
LONGEST_DESCRIPTION: Final = 10_000
LONGEST_SECRET: Final = 65_536
LONGEST_NAME: Final = 100
LONGEST_TAG: Final = 100
LONGEST_HEADER_NAME: Final = 200
"""Characters."""

NAME_PATTERN: Final = r"[A-Za-z0-9._-]{1,100}"
TOKEN_PATTERN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
SCOPE_PATTERN: Final = r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*"
PRINTABLE_PATTERN: Final = r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?"
POINTER_PATTERN: Final = r"(?:/(?:[^~/]|~[01])*)*"

LINE_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
_DIRECTION: Final = r"\u200e\u200f\u202a-\u202e\u2066-\u2069"
DESCRIPTION_PATTERN: Final = rf"^[^\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTION}]*$"
_WORD: Final = rf"\x00-\x1f\x7f-\x9f{_DIRECTION}"
TAG_PATTERN: Final = rf"^[^{_WORD}]*[^\s{_WORD}][^{_WORD}]*$"
"""For schemas: what the rules below say of characters."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_HIDDEN_DIRECTION: Final = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")

REFUSED_HEADERS: Final = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "cookie",
        "cookie2",
        "set-cookie",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "http2-settings",
    }
)
"""Headers that belong to the connection, or that another part of a client writes (row D3). `Proxy-*` as well."""

ALGORITHMS: Final = (
    "ES256",
    "EdDSA",
    "Ed25519",
    "RS256",
    "PS256",
    "ES384",
    "ES512",
    "RS384",
    "RS512",
    "PS384",
    "PS512",
    "HS256",
    "HS384",
    "HS512",
)


class Wrong(ValueError):
    """A value breaks a rule. `message` says what is wrong, `hint` what would be right; neither holds the value."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def text(value: object) -> str:
    """Any text. Numbers and other plain values are refused: `0123` would lose its zero on the way."""
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise Wrong("holds half a character (a lone surrogate)")
        return value
    if value is None:
        raise Wrong("has no value", "Give it one, or leave the key out.")
    if isinstance(value, (bool, int, float)):
        raise Wrong("must be text", "Put it in quotes.")
    raise Wrong("must be text", "It is a list, a group or a date here.")


def one_line(value: object, *, longest: int = LONGEST_TEXT) -> str:
    """Text without control characters."""
    line = text(value)
    if len(line) > longest:
        raise Wrong(f"is longer than {longest:,} characters")
    if _CONTROL.search(line):
        raise Wrong("holds a control character or a line break")
    return line


def description(value: object) -> str:
    """Free text; line breaks and tabs are allowed."""
    lines = text(value)
    if len(lines) > LONGEST_DESCRIPTION:
        raise Wrong(f"is longer than {LONGEST_DESCRIPTION:,} characters")
    if _CONTROL_BUT_LINES.search(lines) or _HIDDEN_DIRECTION.search(lines):
        raise Wrong("holds a control character, or one that changes the direction of the text")
    return lines


def name(value: object) -> str:
    """A record's name (row D14)."""
    given = text(value)
    if not re.fullmatch(NAME_PATTERN, given):
        raise Wrong("is not a name", "Use letters, digits, `.`, `_` and `-`; 1 to 100 characters.")
    if given in (".", ".."):
        raise Wrong("is not a name", "`.` and `..` stand for folders.")
    return given


def tag(value: object) -> str:
    """A short text for finding records."""
    word = one_line(value, longest=LONGEST_TAG)
    if not word.strip() or _HIDDEN_DIRECTION.search(word):
        raise Wrong("is not a tag", "Use a short word.")
    return word


def boolean(value: object) -> bool:
    """Yes or no."""
    if isinstance(value, bool):
        return value
    raise Wrong("must be true or false", "Write true or false, without quotes.")


def choice(value: object, choices: tuple[Choice, ...]) -> str:
    """One of the keys of `choices`."""
    if isinstance(value, str) and any(option.key == value for option in choices):
        return value
    raise Wrong("is none of the choices", f"Use one of: {', '.join(option.key for option in choices)}.")


def scope(value: object) -> str:
    """Scope tokens with one space between them (RFC 6749 §3.3); may be empty."""
    given = one_line(value)
    if given and not re.fullmatch(SCOPE_PATTERN, given):
        raise Wrong(
            "is not a scope",
            'Write its words with one space between them; no `"`, no `\\`, nothing outside ASCII (RFC 6749 §3.3).',
        )
    return given


def visible(value: object) -> str:
    """Printable ASCII, spaces included (RFC 6749 `VSCHAR`)."""
    given = one_line(value)
    if not all(" " <= character <= "~" for character in given):
        raise Wrong("holds a character outside printable ASCII")
    return given


def header_name(value: object) -> str:
    """A header's name (RFC 9110 §5.1), none of those that belong to the connection (row D3)."""
    given = text(value)
    if not re.fullmatch(TOKEN_PATTERN, given) or len(given) > LONGEST_HEADER_NAME:
        raise Wrong(
            "is not a header's name", "Use letters, digits and `-`, such as X-API-Key; no space, no colon."
        )
    if given.lower() in REFUSED_HEADERS or given.lower().startswith("proxy-"):
        raise Wrong("names a header that the HTTP client writes itself", "Use a header of the API's own.")
    return given


def header_prefix(value: object) -> str:
    """What stands before a token in a header; may be empty (row D4)."""
    given = text(value)
    if given and (not re.fullmatch(PRINTABLE_PATTERN, given) or len(given) > LONGEST_TAG):
        raise Wrong(
            "is not a prefix",
            "Use up to 100 characters of printable ASCII; no line break, no space before or after (one is added).",
        )
    return given


def query_name(value: object) -> str:
    """A query parameter's name: any text, since it is percent-encoded as one name (row D5)."""
    given = one_line(value, longest=LONGEST_HEADER_NAME)
    if not given:
        raise Wrong("is empty", "Name the parameter.")
    return given


def cookie_name(value: object) -> str:
    """A cookie's name (RFC 6265 §4.1.1)."""
    given = text(value)
    if not re.fullmatch(TOKEN_PATTERN, given) or len(given) > LONGEST_HEADER_NAME:
        raise Wrong("is not a cookie's name", "Use letters, digits, `-` and `_`.")
    return given


def json_pointer(value: object) -> str:
    """A JSON pointer (RFC 6901 §3); empty for the whole answer."""
    given = one_line(value)
    if not re.fullmatch(POINTER_PATTERN, given):
        raise Wrong(
            "is not a JSON pointer", "Write it as /authed_user; `~0` for `~`, `~1` for `/` (RFC 6901)."
        )
    return given


def algorithm(value: object) -> str:
    """A JWS algorithm (RFC 7518 §3.1, RFC 8037); `none` is refused; empty chooses by the key."""
    given = text(value)
    if given and given not in ALGORITHMS:
        raise Wrong("is not a signature algorithm that is supported", f"Use one of: {', '.join(ALGORITHMS)}.")
    return given
