"""Where the server listens, and under which names it answers (attack rows M1, M17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..core.errors import RecordFault
from ..core.origin import canonical_host

DEFAULT_PORT: Final = 8642


@dataclass(frozen=True, slots=True)
class Address:
    """A listening address. `names`: the values of `Host` that are answered; `base`: the origin that people open.

    `secure`: people reach it by TLS. `local`: it listens on loopback only, so that whoever asks sits at this machine.
    """

    host: str
    port: int
    names: frozenset[str]
    base: str
    secure: bool
    local: bool


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[::1]:PORT`, `HOST` or `:PORT`. Raises `RecordFault`."""
    host, colon, port = text.rpartition(":")
    if not colon or (text.startswith("[") and text.endswith("]")):
        host, port = text, str(DEFAULT_PORT)
    try:
        number = int(port)
        if not 0 <= number <= 65535:
            raise ValueError
        return canonical_host(host or "127.0.0.1").strip("[]"), number
    except ValueError:
        fault = RecordFault(
            "the address to listen on cannot be read.", field="listen", hint="Write it as 127.0.0.1:8642."
        )
    raise fault


def is_loopback(host: str) -> bool:
    """True for 127.0.0.0/8, ::1 and localhost."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def address_of(
    host: str, port: int, *, has_tls: bool, behind_tls_proxy: bool, names: tuple[str, ...] = ()
) -> Address:
    """The address to serve on. Raises `RecordFault` where passwords would travel in the clear (row M17).

    `names`: further names under which people reach the server, with a port where it is not the scheme's own.
    """
    local = is_loopback(host)
    if not local and not has_tls and not behind_tls_proxy:
        raise RecordFault(
            f"{host} is reached from other machines, and without TLS every password would be read on the way.",
            field="listen",
            hint="Give --tls-certificate and --tls-key, or say --i-am-behind-tls-proxy if a proxy does TLS.",
            code="needs_tls",
        )
    if not local and not names:
        raise RecordFault(
            "the server must know the name under which people open it.",
            field="name",
            hint="Give --name auth.example.com; requests for any other name are refused.",
            code="needs_name",
        )
    secure = has_tls or behind_tls_proxy
    scheme = "https" if secure else "http"
    own = [f"[{host}]" if ":" in host else host]
    if local:
        own = list(dict.fromkeys([*own, "127.0.0.1", "localhost", "[::1]"]))
    answered = {f"{one}:{port}" for one in own} | {name.lower() for name in names}
    if port == (443 if secure else 80):
        answered |= set(own)
    base = f"{scheme}://{names[0] if names else f'{own[0]}:{port}'}"
    return Address(host, port, frozenset(answered), base, secure, local)
