"""The sender of token requests: `keeper.ports.Sender` on httpcore2, the engine of httpx2.

One level below httpx2's client, because nothing of what a client adds is wanted here: no redirect is followed
(C10, C11), no cookie kept (C30), no hook run, no proxy or netrc of the environment used (E9). `SSL_CERT_FILE` and
`SSL_CERT_DIR`, by which a machine says whom it trusts, do count. What is added: a total deadline (C8), a cap on
the body (C6), and no content coding (C7).
"""

from __future__ import annotations

import os
import ssl
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from ..core.contracts import Clock
from ..core.errors import AuthrecordError, BadAnswer, RecordFault, TryLater
from ..core.messages import ClientCertificate, Request, Response
from ..core.origin import Origin, origin_of
from .egress import Permits, anywhere

if TYPE_CHECKING:
    import httpcore2

    from .sender_network import Call

DEADLINE: Final = 15.0
"""Seconds for one whole call, from the name's resolution to the last byte of the answer."""

MOST_BYTES: Final = 1024 * 1024
"""The longest answer that is read (bytes on the wire)."""

KEPT_CONNECTIONS: Final = 8
KEPT_SECONDS: Final = 5.0
"""How many idle connections are kept, and for how long."""

_UNSENDABLE: Final = "the request to {} holds a character that HTTP does not allow."


class TokenSender:
    """Sends requests to authorization servers. Share one per process; it is safe for threads and after a fork.

    `ca_file`: a PEM file of certificate authorities to trust beside the system's. `proxy`: the URL of an HTTP
    proxy. Neither is ever taken from the environment. `permits`: which addresses may be connected to.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        deadline: float = DEADLINE,
        most_bytes: int = MOST_BYTES,
        ca_file: str = "",
        proxy: str = "",
        permits: Permits = anywhere,
    ) -> None:
        self._clock = clock
        self._deadline = deadline
        self._most_bytes = most_bytes
        self._ca_file = ca_file
        self._proxy = proxy
        self._permits = permits
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._pools: dict[tuple[Any, ...], httpcore2.ConnectionPool] = {}

    def __call__(self, request: Request) -> Response:
        """The answer, whatever its status, a redirect included.

        Raises `TryLater` when none came (`outcome_unknown` when the request may have arrived), `BadAnswer` when
        it broke a bound, `RecordFault` when the URL or the client certificate cannot be used.
        """
        origin = _origin(request.url)
        answer = self._exchange(request, origin)
        if isinstance(answer, AuthrecordError):
            raise answer  # raised here, outside of every handler: no cause and no context holds the request
        return answer

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _exchange(self, request: Request, origin: Origin) -> Response | AuthrecordError:
        import httpcore2

        from .sender_network import IN_HAND, Call

        call = Call(self._clock, self._deadline)
        IN_HAND.call = call
        try:
            pool = self._pool(origin.scheme == "https", request.client_certificate)
            with pool.stream(
                request.method.encode("ascii"),
                _wire_url(request, origin),
                headers=_wire_headers(request, origin),
                content=request.wire_body(),
            ) as answer:
                return self._read(request, call, answer)
        except AuthrecordError as error:
            return error.with_traceback(None)  # its frames hold what was sent
        except (UnicodeEncodeError, httpcore2.LocalProtocolError):
            return RecordFault(
                f"the request to {origin} holds a character that HTTP does not allow.", code="request"
            )
        except (
            TimeoutError,
            OSError,
            httpcore2.TimeoutException,
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.ProxyError,
            httpcore2.UnsupportedProtocol,
        ) as error:
            return _explained(error, call, origin)
        finally:
            IN_HAND.call = None

    def _read(self, request: Request, call: Call, answer: httpcore2.Response) -> Response:
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers
        )
        codings = [
            value for name, value in headers if name == "content-encoding" and value.lower() != "identity"
        ]
        if codings:
            raise BadAnswer(
                "the server sent a compressed answer, although it was asked not to.", code="encoded"
            )
        parts: list[bytes] = []
        read = 0
        for part in answer.iter_stream():
            read += len(part)
            if read > self._most_bytes:
                raise BadAnswer(
                    f"the server's answer is longer than {self._most_bytes} bytes.", code="too_large"
                )
            parts.append(part)
        return Response(
            status=answer.status,
            headers=headers,
            body=b"".join(parts),
            sent_at=self._clock.time() if call.sent_at is None else call.sent_at,
            sent_monotonic=call.sent_monotonic,
            url=request.url,
        )

    def _pool(self, secure: bool, certificate: ClientCertificate | None) -> httpcore2.ConnectionPool:
        """The kept connections for plain http, for https, and for each client certificate apart (S77)."""
        key: tuple[Any, ...] = (secure,)
        if secure and certificate is not None:
            key = (
                secure,
                certificate,
                _changed(certificate.certificate_file),
                _changed(certificate.key_file),
            )
        with self._lock:
            if self._process != os.getpid():  # after a fork the parent's sockets are not ours to use
                self._process = os.getpid()
                self._pools = {}
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = self._new_pool(secure, certificate)
            return pool

    def _new_pool(self, secure: bool, certificate: ClientCertificate | None) -> httpcore2.ConnectionPool:
        import httpcore2

        from .sender_network import Backend
        from .sender_tls import tls_context

        return httpcore2.ConnectionPool(
            ssl_context=tls_context(self._ca_file, certificate) if secure else None,
            proxy=_proxy(self._proxy) if self._proxy else None,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=Backend(self._permits),
        )


def _proxy(url: str) -> httpcore2.Proxy:
    """The proxy at `url`; user and password in it are for the proxy alone. Raises `RecordFault` for any other URL."""
    import httpcore2

    parts = urlsplit(url)
    try:
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise RecordFault(
            "the proxy for token requests is not an http or https URL.",
            field="proxy",
            hint="Write AUTHRECORD_PROXY as http://host:port.",
            code="proxy",
        )
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], path="", query="", fragment="").geturl()
    if parts.username is None:
        return httpcore2.Proxy(bare)
    return httpcore2.Proxy(bare, auth=(unquote(parts.username), unquote(parts.password or "")))


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _origin(url: str) -> Origin:
    try:
        return origin_of(url)
    except ValueError as error:
        fault = RecordFault(f"the URL of the authorization server {error}.", code="url")
    raise fault


def _wire_url(request: Request, origin: Origin) -> httpcore2.URL:
    import httpcore2

    parts = urlsplit(request.wire_url())
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore2.URL(
        scheme=origin.scheme.encode("ascii"),
        host=origin.host.strip("[]").encode("ascii"),
        port=origin.port,
        target=target.encode("ascii"),
    )


def _wire_headers(request: Request, origin: Origin) -> list[tuple[bytes, bytes]]:
    """The request's headers, and those that it does not have and HTTP needs."""
    headers = {
        "host": str(origin).partition("://")[2],
        "user-agent": "authrecord",
        "accept": "application/json",
        "accept-encoding": "identity",
    }
    if request.form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    if request.form is not None or request.method != "GET":
        headers["content-length"] = str(len(request.wire_body()))
    own = request.wire_headers()
    names = {name.lower() for name, _ in own} - {"host", "content-length", "accept-encoding"}
    pairs = [(name, value) for name, value in headers.items() if name not in names]
    pairs += [(name, value) for name, value in own if name.lower() in names]
    if any(character < " " or character == "\x7f" for pair in pairs for text in pair for character in text):
        raise RecordFault(_UNSENDABLE.format(origin), code="request")  # httpcore would log the value
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in pairs]


def _explained(error: Exception, call: Call, origin: Origin) -> TryLater:
    """What went wrong, from its type and the system's own words only: texts of libraries may hold what was sent."""
    import httpcore2

    if call.sent_at is not None:
        late = isinstance(error, (httpcore2.TimeoutException, TimeoutError))
        what = "did not answer in time" if late else "broke off before its answer was complete"
        return TryLater(f"{origin} {what}.", outcome_unknown=True, code="network")
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TryLater(
            f"the TLS certificate of {origin} was not accepted: {cause.verify_message}.",
            code="network",
            hint="Nothing was sent.",
        )
    if isinstance(error, (httpcore2.TimeoutException, TimeoutError)):
        return TryLater(f"no connection to {origin} in time.", code="network", hint="Nothing was sent.")
    words = f" ({cause.strerror})" if isinstance(cause, OSError) and cause.strerror else ""
    return TryLater(f"no connection to {origin}{words}.", code="network", hint="Nothing was sent.")


def _root(error: BaseException) -> BaseException:
    for _ in range(8):
        inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return error
