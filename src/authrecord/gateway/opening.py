"""What follows a `CONNECT`: an opaque tunnel, or requests that are read, under TLS as the host that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .authority import Authority
from .forward import Connect
from .grammar import RequestHead
from .refusals import Refusal, malformed
from .tunnels import Tunnel

if TYPE_CHECKING:
    from .caller import CallerConnection, Entrance
    from .service import Service

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
HANDSHAKE_SECONDS: Final = 10.0


async def connect(caller: CallerConnection, service: Service, head: RequestHead, found: Connect) -> None:
    """Open what a `CONNECT` asks for. From here on the caller's connection carries something else."""
    try:
        if caller.has_unread:
            raise malformed("bytes came before CONNECT was answered")
        if found.inner is None:
            tunnel = await service.pool.dialer.connect(found.host, found.port, lambda: Tunnel(caller))
            service.opened(head, found, caller)
            caller.write(ESTABLISHED)
            caller.becomes_tunnel(tunnel)
            return
        service.opened(head, found, caller)
        if found.authority is None:
            caller.write(ESTABLISHED)
            caller.enters(found.inner)
        else:
            await _under_tls(caller, service, found.host, found.inner, found.authority)
    except Refusal as refusal:
        caller.refuse_asked(refusal, head)


async def _under_tls(
    caller: CallerConnection, service: Service, host: str, inner: Entrance, authority: Authority
) -> None:
    transport = caller.transport
    if transport is None:
        return
    context = await service.loop.run_in_executor(None, authority.context, host)
    transport.pause_reading()  # what comes next is for the TLS layer
    caller.write(ESTABLISHED)
    inside = type(caller)(service, inner)
    try:
        opened = await service.loop.start_tls(
            transport, inside, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
    except OSError:  # ssl.SSLError is one: the caller does not trust us, or asked for another name
        service.handshake_failed(host)
        transport.abort()
        opened = None
    service.gone(caller)
    if opened is None:
        return
    if transport.is_closing():  # the caller went away in the handshake, which asyncio does not call a failure
        transport.abort()
        return
    inside.connection_made(opened)
