"""Runs the server: its sockets, TLS, and its end."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from errno import EADDRINUSE
from typing import TYPE_CHECKING, Final

from ..core.errors import StoreFault
from ..signin.sockets import owner_of_port

if TYPE_CHECKING:
    import uvicorn

    from .guard import Guard

MOST_AT_ONCE: Final = 1_000
"""Requests in hand; beyond it the answer is 503."""

END_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate chain and its key, as PEM files."""

    certificate_file: str
    key_file: str


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `StoreFault` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(512)
    except OSError as error:
        made.close()
        owner = owner_of_port(port) if error.errno == EADDRINUSE else ""
        by = f", by {owner}" if owner else ""
        raise StoreFault(
            f"cannot listen on {host}:{port}: {error.strerror or error}{by}.",
            hint="End that program, or name another --listen." if by else "Name another --listen.",
            code="port_taken",
        ) from None
    made.setblocking(False)
    return made


def make_server(application: Guard, *, tls: Tls | None, behind_proxy: bool) -> uvicorn.Server:
    """The server, not yet running. It writes no access log: addresses and queries are nobody's business (F5)."""
    import uvicorn

    from .heads import WARNINGS, BoundedHeads

    config = uvicorn.Config(
        application,
        http=BoundedHeads,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        proxy_headers=behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=END_SECONDS,
        ssl_certfile=None if tls is None else tls.certificate_file,
        ssl_keyfile=None if tls is None else tls.key_file,
    )
    logging.getLogger(
        "uvicorn.access"
    ).disabled = True  # `access_log=False` takes its handlers, not its records
    logging.getLogger("uvicorn.error").addFilter(WARNINGS)
    return uvicorn.Server(config)
