"""Sockets of the loopback listener: exactly the address asked for, nobody else beside it (S38–S40)."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

from ..core.errors import RecordFault
from .callback import Callback

BACKLOG = 128
_LISTENING = "0A"


def listening_sockets(callback: Callback) -> list[socket.socket]:
    """Sockets that listen for `callback`, one per address, all on one port.

    Where `localhost` has no IPv6, IPv4 alone serves. Raises `RecordFault` for a port that is taken, with the
    process that has it where the system tells (A23).
    """
    sockets: list[socket.socket] = []
    port = callback.port
    for address in callback.addresses:
        try:
            made = _bound(address, port)
        except OSError as error:
            if sockets and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                continue
            for one in sockets:
                one.close()
            raise _taken(port, error) from None
        made.listen(BACKLOG)
        made.setblocking(False)
        sockets.append(made)
        port = made.getsockname()[1]
    return sockets


def _bound(address: str, port: int) -> socket.socket:
    """A socket that nobody else can bind beside.

    On Linux a fixed port has `SO_REUSEADDR`: without it the remains of a login's connections block the port for
    a minute, and with it no second socket binds while ours listens, whatever it sets (a test shows it). On
    other systems the option would let others in, and is not set (S40).
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if sys.platform == "win32":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif sys.platform == "linux" and port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made


def _taken(port: int, error: OSError) -> RecordFault:
    if error.errno == errno.EACCES:
        return RecordFault(
            f"this user may not listen on port {port} of the callback URL.",
            field="auth.authorization.callback_url",
            hint="Register a callback URL with a port above 1023, or paste the address back with --no-browser.",
            code="port_refused",
        )
    if error.errno != errno.EADDRINUSE:
        return RecordFault(
            f"cannot listen for the callback URL: {os.strerror(error.errno or 0)}.",
            field="auth.authorization.callback_url",
            code="port_refused",
        )
    owner = owner_of_port(port)
    return RecordFault(
        f"port {port} of the callback URL is taken" + (f" by {owner}." if owner else "."),
        field="auth.authorization.callback_url",
        hint="End that program or its login, or paste the address back with --no-browser.",
        code="port_taken",
    )


def _listener_inode(port: int) -> str:
    """The inode of the socket that listens on `port`, from Linux's tables; empty when there is none."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                return columns[9]
    return ""


def owner_of_port(port: int) -> str:
    """The name and id of the process that listens on `port`, where this user may see it."""
    inode = _listener_inode(port)
    if not inode:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(one) == f"socket:[{inode}]" for one in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text(encoding='utf-8').strip()} (process {process.name})"
        except OSError:
            continue  # another user's process, or one that ended meanwhile
    return ""
