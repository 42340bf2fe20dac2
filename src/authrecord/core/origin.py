"""Where a credential may go: the one canonicaliser of URLs, and `release`, the only door.

A record names its destinations as origins (scheme, host, port; RFC 6454). `https://*.example.com` stands for
one label or more below that name. Parsers of URLs disagree about backslashes, user information and odd host
forms (attack rows D8–D10), so everything they disagree about is refused here, and origins are compared in
the form that is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .errors import OriginRefused

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
LOOPBACK_HOSTS: Final = frozenset({"localhost", "[::1]"})
_HOST_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_WEB: Final = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Scheme, host and port in canonical form. `host` is lower case; an IPv6 address stands in brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        if DEFAULT_PORTS.get(self.scheme) == self.port:
            return f"{self.scheme}://{self.host}"
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """True for `localhost`, `127.0.0.0/8` and `[::1]`."""
        return self.host in LOOPBACK_HOSTS or (self.host.startswith("127.") and _is_ipv4(self.host))


def origin_of(url: str) -> Origin:
    """The canonical origin of an absolute `http` or `https` (`ws`, `wss`) URL.

    Raises `ValueError`, which says what is wrong and never holds the URL, for a relative URL, another scheme,
    user information, a backslash, control or non-ASCII characters, an empty or malformed host, a bad port.
    """
    if any(character <= " " or character in "\\\x7f" or character > "~" for character in url):
        raise ValueError("holds a space, a backslash, a control character or a character outside ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("has a malformed host or port") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("is not an absolute http or https URL")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password before the host")
    scheme = _WEB.get(parts.scheme, parts.scheme)
    return Origin(
        scheme, canonical_host(parts.hostname or ""), DEFAULT_PORTS[scheme] if port is None else port
    )


def canonical_host(host: str) -> str:
    """`host` in the form in which hosts are compared. IPv6 is written in brackets, shortest form.

    Raises `ValueError` for an empty host, characters that no host name has, and IPv4 written in an odd way
    (`127.1`, `0x7f000001`, `2130706433`), which resolvers read differently.
    """
    name = (
        host.lower().removesuffix(".").strip("[]") if host.startswith("[") else host.lower().removesuffix(".")
    )
    if ":" in name:
        from ipaddress import IPv6Address  # 6 ms to import, and few need it

        try:
            address = IPv6Address(name)
        except ValueError:
            raise ValueError("has a malformed IPv6 address") from None
        mapped = address.ipv4_mapped
        if mapped is not None:  # Python 3.13 began to write these in another form
            return f"[::ffff:{int(mapped) >> 16:x}:{int(mapped) & 0xFFFF:x}]"
        return f"[{address.compressed}]"
    if not name or not set(name) <= _HOST_CHARACTERS or ".." in name or name.startswith("."):
        raise ValueError("has an empty or malformed host (write an international name in its xn-- form)")
    last = name.rpartition(".")[2]
    if (last.isdigit() or last.startswith("0x")) and not _is_ipv4(name):
        raise ValueError("writes an IPv4 address in an odd form (write it as four decimal numbers)")
    return name


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and all(
        part.isdigit() and len(part) <= 3 and int(part) <= 255 and part == str(int(part)) for part in parts
    )


@dataclass(frozen=True, slots=True)
class AllowedOrigins:
    """The destinations of a record: exact origins, and suffixes for those written with `*.`."""

    exact: frozenset[Origin] = frozenset()
    below: tuple[Origin, ...] = ()

    def __contains__(self, origin: Origin) -> bool:
        if origin in self.exact:
            return True
        return any(
            origin.host.endswith("." + suffix.host)
            and (origin.scheme, origin.port) == (suffix.scheme, suffix.port)
            and not _is_ipv4(origin.host)
            for suffix in self.below
        )

    def __bool__(self) -> bool:
        return bool(self.exact or self.below)


def allowed_origin(text: str) -> tuple[Origin, bool]:
    """One entry of `allowed_origins`: the origin, and whether it stands for the names below it.

    Raises `ValueError`, without the text, for a path, query or fragment, a bare `*`, a `*` anywhere but as the
    first label, and whatever `origin_of` refuses.
    """
    scheme, separator, rest = text.partition("://")
    below = bool(separator) and rest.startswith("*.")
    if below:
        rest = rest[2:]
    if "*" in rest or "*" in scheme:
        raise ValueError(
            "may hold `*` only as `https://*.example.com`; a bare `*` would send the credential anywhere"
        )
    authority, _, path = rest.partition("/")
    if path or "?" in authority or "#" in authority:
        raise ValueError("is an origin: scheme, host and port, without a path, query or fragment")
    origin = origin_of(f"{scheme}{separator}{authority}")
    if below and (_is_ipv4(origin.host) or origin.host.startswith("[") or "." not in origin.host):
        raise ValueError("has `*.` before something that has no names below it")
    return origin, below


def allowed_origins(texts: Iterable[str]) -> AllowedOrigins:
    """Every entry of `texts`. Raises `ValueError` as `allowed_origin` does."""
    parsed = [allowed_origin(text) for text in texts]
    return AllowedOrigins(
        frozenset(origin for origin, below in parsed if not below),
        tuple(origin for origin, below in parsed if below),
    )


def release(name: str, allowed: AllowedOrigins, origin: Origin) -> Origin:
    """The only door that a credential leaves by: `origin` itself, if record `name` allows it.

    Raises `OriginRefused` otherwise. Every code path that attaches a secret passes here (security decision 1).
    """
    if origin in allowed:
        return origin
    raise OriginRefused(
        f"record {name!r} does not allow {origin}",
        field="allowed_origins",
        hint=f"Add {origin} to its allowed_origins if the credential may go there.",
    )


def insecure_for_secrets(url: str) -> bool:
    """True for a plain `http` URL that is not loopback: secrets must not travel there (RFC 6749 §10.3)."""
    origin = origin_of(url)
    return origin.scheme == "http" and not origin.is_loopback
