"""What fields that hold URLs and origins may hold (rows S4, S6, S24, D7 to D10)."""

from __future__ import annotations

import re
from typing import Final

from ..core.origin import Origin, allowed_origin, origin_of
from .rules import Wrong, text

LONGEST_URL: Final = 8_192
"""Characters."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.+)")
_DANGEROUS: Final = frozenset(
    {
        "javascript",
        "vbscript",
        "data",
        "file",
        "blob",
        "about",
        "filesystem",
        "ftp",
        "ws",
        "wss",
        "view-source",
        "mailto",
        "tel",
        "unix",
    }
)


def _origin(url: str) -> Origin:
    """The origin of `url`; raises `Wrong` for what `origin_of` refuses."""
    if len(url) > LONGEST_URL:
        raise Wrong(f"is longer than {LONGEST_URL:,} characters")
    try:
        return origin_of(url)
    except ValueError as error:
        raise Wrong(str(error), "Write it as https://host/path.") from None


def url(value: object, *, allow_insecure: bool) -> str:
    """An endpoint of the provider: https, or http on loopback or by `auth.allow_insecure`; a query is kept."""
    given = text(value)
    if not given:
        return given
    origin = _origin(given)
    if given[:2].lower() == "ws":
        raise Wrong("is not an http or https URL", "Write it as https://host/path.")
    if "#" in given:
        raise Wrong("holds a fragment", "Leave out the `#` and what follows (RFC 6749 §3.1).")
    if origin.scheme == "http" and not origin.is_loopback and not allow_insecure:
        hint = "Use https, or set auth.allow_insecure: true where secrets may travel in the clear."
        raise Wrong("is plain http beyond this machine", hint)
    return given


def issuer(value: object, *, allow_insecure: bool) -> str:
    """An issuer identifier: a URL without query and fragment (RFC 8414 §2)."""
    given = url(value, allow_insecure=allow_insecure)
    if "?" in given:
        raise Wrong("holds a query", "An issuer identifier has none (RFC 8414 §2).")
    return given


def callback_url(value: object) -> str:
    """A redirection URI: absolute, without a fragment, kept byte for byte (RFC 6749 §3.1.2).

    Custom schemes such as `com.example.app:/callback` are allowed (RFC 8252 §7.1); those that a browser runs
    or that open something else are not.
    """
    given = text(value)
    if not given:
        return given
    if len(given) > LONGEST_URL:
        raise Wrong(f"is longer than {LONGEST_URL:,} characters")
    if "#" in given:
        raise Wrong("holds a fragment", "Leave out the `#` and what follows (RFC 6749 §3.1.2).")
    match = _SCHEME.fullmatch(given)
    if match is None:
        raise Wrong("is not an absolute URL", "Write it as http://127.0.0.1:8765/callback.")
    scheme = match[1].lower()
    if scheme in ("http", "https"):
        _origin(given)
        return given
    if scheme in _DANGEROUS:
        raise Wrong("has a scheme that no callback has", "Use http, https, or your app's own scheme.")
    if any(not "!" <= character <= "~" or character in '\\"<>^`{|}' for character in given):
        raise Wrong("holds a character that no URL has", "Write such characters percent-encoded.")
    return given


def origin(value: object) -> str:
    """One entry of `allowed_origins`, kept as written."""
    given = text(value)
    if len(given) > LONGEST_URL:
        raise Wrong(f"is longer than {LONGEST_URL:,} characters")
    try:
        allowed_origin(given)
    except ValueError as error:
        raise Wrong(str(error), "Write it as https://api.example.com.") from None
    return given


def resource(value: object) -> str:
    """A resource indicator: an absolute URI without a fragment (RFC 8707 §2)."""
    given = text(value)
    match = _SCHEME.fullmatch(given)
    if match is None or "#" in given or any(not "!" <= character <= "~" for character in given):
        raise Wrong(
            "is not an absolute URI without a fragment (RFC 8707 §2)", "Write it as https://api.example.com."
        )
    if match[1].lower() in ("http", "https"):
        _origin(given)
    return given
