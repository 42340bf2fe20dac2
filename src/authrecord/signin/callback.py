"""Where the answer comes back: the record's callback URL, read (RFC 8252 §7.3, §8.3, §8.10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..core.origin import origin_of


@dataclass(frozen=True, slots=True)
class Callback:
    """A loopback callback. `host` as written; `port` 0 stands for any free one; `path` byte for byte."""

    host: str
    port: int
    path: str
    template: str

    def redirect_uri(self, port: int) -> str:
        """The callback URL to send: byte for byte as registered, but for a port that was left open."""
        if self.port:
            return self.template
        return self.template.replace(f"{self.host}:0", f"{self.host}:{port}", 1)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses to listen on: both families where the name is `localhost`."""
        if self.host == "localhost":
            return ("127.0.0.1", "::1")
        return (self.host.strip("[]"),)


def loopback_callback(callback_url: str, random: Callable[[], str]) -> Callback | None:
    """The loopback callback of a record, or `None` when its callback URL leads elsewhere.

    An empty one becomes a free port and an unguessable path on 127.0.0.1, new for each login (S44).
    """
    if not callback_url:
        path = f"/cb/{random()}"
        return Callback("127.0.0.1", 0, path, f"http://127.0.0.1:0{path}")
    try:
        parts = urlsplit(callback_url)
        port = parts.port
        if parts.scheme != "http" or not origin_of(callback_url).is_loopback or parts.query:
            return None
    except ValueError:
        return None
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    return Callback(host, 80 if port is None else port, parts.path or "/", callback_url)
