"""The forms in which a secret can show up in a text: attack row F8.

`needles(value)` gives every form as bytes, with a name for it. `Haystack` is a text as it came, and once more
without white space, terminal colours and table borders, so that a secret broken by a line wrap is found too.
"""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Final

MARK: Final = "cnRy7Kq2Zw"
"""Every made canary begins with these characters: a text without any form of them holds no made canary."""

_GAPS: Final = b" \t\r\n\f\v|"
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
_BORDERS: Final = re.compile(rb"(?:\xe2[\x94\x95][\x80-\xbf])+")


def _percent_everything(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _lower_percent(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), text)


def _json_text(text: str) -> str:
    return json.dumps(text)[1:-1]


TEXT_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "raw": str,
    "percent-encoded": lambda text: urllib.parse.quote(text, safe=""),
    "percent-encoded, lower case": lambda text: _lower_percent(urllib.parse.quote(text, safe="")),
    "percent-encoded, slash kept": urllib.parse.quote,
    "form-encoded": urllib.parse.quote_plus,
    "form-encoded, lower case": lambda text: _lower_percent(urllib.parse.quote_plus(text)),
    "percent-encoded twice": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "percent-encoded, every byte": _percent_everything,
    "percent-encoded, every byte, lower case": lambda text: _percent_everything(text).lower(),
    "JSON-escaped": _json_text,
    "JSON-escaped, slash escaped": lambda text: _json_text(text).replace("/", "\\/"),
    "JSON string": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda text: _json_text(_json_text(text)),
    "HTML-escaped": html.escape,
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "reversed": lambda text: text[::-1],
    "reversed JSON escape": lambda text: _json_text(text)[::-1],
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, upper case": lambda text: text.encode().hex().upper(),
}
"""A name for each form, and how a text gets it."""

BYTE_ENCODINGS: Final = ("latin-1", "utf-16-le", "utf-16-be")


def base64_forms(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The part of base64 that depends on `raw` alone, for the three places where `raw` can begin in a group."""
    for lead in range(3):
        padded = b"\0" * lead + raw
        usable = len(padded) * 8 // 6  # characters made of known bits only
        skipped = -(-lead * 8 // 6)  # characters that the bytes before `raw` have a bit in
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            yield f"{name}, alignment {lead}", encode(padded)[skipped:usable]


def needles(value: str | bytes) -> dict[bytes, str]:
    """Every form of `value` as bytes, and the name of the form. Equal forms keep the first name."""
    if isinstance(value, bytes):
        return _needles_of_bytes(value)
    found: dict[bytes, str] = {}
    for name, form in TEXT_FORMS.items():
        found.setdefault(form(value).encode(), name)
    for encoding in BYTE_ENCODINGS:
        try:
            found.setdefault(value.encode(encoding), encoding)
        except UnicodeEncodeError:
            continue  # a text outside Latin-1 has no such form
    # RFC 6749 §2.3.1 form-encodes before base64, so the Basic header of a hard secret holds base64 of that.
    for text, before in ((value, ""), (urllib.parse.quote_plus(value), " of form-encoded")):
        for name, encoded in base64_forms(text.encode()):
            found.setdefault(encoded, name + before)
    return found


def _needles_of_bytes(value: bytes) -> dict[bytes, str]:
    """The forms of a secret that is not text, such as a key."""
    try:
        return needles(value.decode())
    except UnicodeDecodeError:
        found = {value: "raw", repr(value)[2:-1].encode(): "repr of bytes"}
        found |= {
            value.hex().encode(): "hexadecimal",
            value.hex().upper().encode(): "hexadecimal, upper case",
        }
        for name, encoded in base64_forms(value):
            found.setdefault(encoded, name)
        return found


class Haystack:
    """A text to search, with and without what a terminal or a line wrap puts between its characters."""

    def __init__(self, text: str | bytes) -> None:
        self.raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        self._squeezed: bytes | None = None

    @property
    def squeezed(self) -> bytes:
        """The text without white space, colours and borders."""
        if self._squeezed is None:
            self._squeezed = squeeze(self.raw)
        return self._squeezed

    def has_any(self, candidates: dict[bytes, str]) -> bool:
        """Whether one of `candidates` is there, in either reading."""
        return self.encoding_of(candidates) is not None

    def encoding_of(self, candidates: dict[bytes, str]) -> str | None:
        """The name of the first of `candidates` that is there, `None` when there is none."""
        for needle, name in candidates.items():
            if needle in self.raw:
                return name
        for needle, name in candidates.items():
            if squeeze(needle) in self.squeezed:
                return f"{name}, split by white space"
        return None


def squeeze(raw: bytes) -> bytes:
    """`raw` without white space, terminal colours and table borders."""
    if b"\x1b[" in raw:
        raw = _COLOURS.sub(b"", raw)
    if b"\xe2" in raw:
        raw = _BORDERS.sub(b"", raw)
    return raw.translate(None, _GAPS)


MARK_NEEDLES: Final = needles(MARK)
"""Every form of `MARK`: the quick look before the long one."""
