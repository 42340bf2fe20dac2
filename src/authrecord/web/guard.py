"""What every request passes before anything else: host, origin, size. And what every answer carries.

An ASGI middleware around the whole application, so that no route can forget it (attack rows M1, M2, M4, M8, M16).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from .address import Address

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MOST_BYTES: Final = 1024 * 1024
"""The longest body that is read."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC: Final = "/static/"
API: Final = "/api/"
CALLBACK: Final = "/callback"
FRAGMENT: Final = "/callback-fragment"

_DIRECTIVES: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
POLICY: Final = "; ".join(f"{name} {value}" for name, value in _DIRECTIVES.items())
"""No inline script, no inline style, nothing from elsewhere, framed by nobody."""

HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_KEPT: Final = b"public, max-age=31536000, immutable"
_TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000")


class Refusal(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail


class Guard:
    """Wraps `application`; `address` says which names are ours."""

    def __init__(self, application: Application, address: Address) -> None:
        self._application = application
        self._address = address
        own = (*HEADERS, *((_TLS_ONLY,) if address.secure else ()))
        self._fresh = (*own, (b"cache-control", b"no-store"))
        self._kept = (*own, (b"cache-control", _KEPT))
        self._names = frozenset(name for name, _ in self._fresh)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        path = str(scope["path"])
        dressed = self._dressed(send, path)
        headers = _Headers(scope["headers"])
        try:
            self._check_host(headers)
            _check_origin(str(scope["method"]), path, headers, self._address)
            _check_body(str(scope["method"]), path, headers)
        except Refusal as refusal:
            await _refuse(dressed, refusal)
            return
        await self._application(scope, _bounded(receive), dressed)

    def _check_host(self, headers: _Headers) -> None:
        hosts = headers.all(b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._address.names:
            raise Refusal(
                421, "Not a name of this server", "Open it under the address that it was started with."
            )

    def _dressed(self, send: Send, path: str) -> Send:
        """`send` with our headers on every answer, in place of any that the application set."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = path.startswith(STATIC) and message["status"] == 200
                others = [
                    (name, value)
                    for name, value in message.get("headers", ())
                    if name.lower() not in self._names and not name.lower().startswith(b"access-control-")
                ]
                message = {**message, "headers": [*others, *(self._kept if kept else self._fresh)]}
            await send(message)

        return dressed


class _Headers:
    """The headers of a request, by lower-case name."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._pairs = [(name.lower(), value.decode("latin-1")) for name, value in pairs]

    def all(self, name: bytes) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def one(self, name: bytes) -> str:
        return next(iter(self.all(name)), "")


def _check_origin(method: str, path: str, headers: _Headers, address: Address) -> None:
    """Who may cause a request: our own pages, a person who typed the address, and programs (M2).

    A browser says where a request comes from, in `Sec-Fetch-Site` or `Origin`; a program says neither. From
    elsewhere only navigations are taken, and only such as change nothing.
    """
    site, origin = headers.one(b"sec-fetch-site"), headers.one(b"origin")
    if path == FRAGMENT and origin != address.base and site != "same-origin":
        raise Refusal(403, "Sent from another site", "Only the callback page itself hands an answer over.")
    if path.startswith(CALLBACK) and path != FRAGMENT and method not in SAFE:
        raise Refusal(405, "Answers come by GET here", "The provider sends the browser back with a redirect.")
    if method in SAFE:
        if site in {"cross-site", "same-site"} and headers.one(b"sec-fetch-mode") != "navigate":
            raise Refusal(403, "Asked for by another site", "Open the page itself.")
        return
    foreign = (
        site not in {"", "same-origin", "none"} if site else bool(origin) and not _is_ours(origin, address)
    )
    if foreign:
        raise Refusal(403, "Sent from another site", "Only pages of this server may send this.")


def _is_ours(origin: str, address: Address) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme == ("https" if address.secure else "http") and host.lower() in address.names


def _check_body(method: str, path: str, headers: _Headers) -> None:
    """Size, and a content type that no form of another site can send unasked where it matters."""
    if method in SAFE:
        return
    length = headers.one(b"content-length")
    if length and (not length.isdigit() or int(length) > MOST_BYTES):
        raise Refusal(413, "Too large", f"At most {MOST_BYTES // 1024} KiB are read.")
    has_body = length not in {"", "0"} or bool(headers.one(b"transfer-encoding"))
    kind = headers.one(b"content-type").partition(";")[0].strip().lower()
    allowed = {"application/json"}
    if not path.startswith((API, FRAGMENT)):
        allowed.add("application/x-www-form-urlencoded")
    if has_body and kind not in allowed:
        raise Refusal(415, "Not a content type that is read here", f"Send {' or '.join(sorted(allowed))}.")


def _bounded(receive: Receive) -> Receive:
    """`receive`, cut off when a body without a length grows beyond the limit."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                return {"type": "http.disconnect"}
        return message

    return bounded


async def _refuse(send: Send, refusal: Refusal) -> None:
    problem = {
        "type": "about:blank",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    body = json.dumps(problem).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
