"""A provider's own words, made safe to show: cut, control characters replaced, known secrets masked (C28, C29)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from ..core.secret import MASK, Secret

LONGEST: Final = 300
SHORTEST_MASKED: Final = 8
"""A secret shorter than this is not searched for: masking "a" or "1234" would make text useless (P23)."""


def safe_words(text: object, secrets: Iterable[Secret] = ()) -> str:
    """At most 300 characters of `text`, without control, format (bidi) and escape characters; empty if no text."""
    if not isinstance(text, str):
        return ""
    shown = text[: LONGEST * 8]
    for secret in secrets:
        shown = _masked(shown, secret)
    shown = "".join(
        "\ufffd" if unicodedata.category(character)[0] == "C" else character for character in shown
    )
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _masked(text: str, secret: Secret) -> str:
    value = secret.reveal()
    return text.replace(value, MASK) if len(value) >= SHORTEST_MASKED else text
