"""Asks Envoy's own administration, on its Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h11

_READ: Final = 65536


async def ask(socket: Path, path: str) -> bytes:
    """The body of the answer to a GET. Raises `OSError` when nobody listens, or the answer breaks off."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(method="GET", target=path, headers=[("Host", "envoy"), ("Connection", "close")])
        writer.write(connection.send(request) + connection.send(h11.EndOfMessage()))
        body = b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_READ))
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return body
    except h11.RemoteProtocolError:
        raise ConnectionResetError("Envoy's answer broke off") from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):  # whatever is wrong with the connection, it is over
            await writer.wait_closed()


async def ports(socket: Path) -> dict[str, int]:
    """The port of each listener by its name, of those that have one."""
    told: dict[str, Any] = json.loads(await ask(socket, "/listeners?format=json"))
    return {
        one["name"]: one["local_address"]["socket_address"]["port_value"]
        for one in told.get("listener_statuses", ())
        if "socket_address" in one["local_address"]
    }


@dataclass(frozen=True, slots=True)
class Figures:
    """What Envoy has counted. `times`: for each histogram its bins, as lower end, width and count, in its own unit."""

    counts: dict[str, int]
    times: dict[str, list[tuple[float, float, int]]]


async def figures(socket: Path) -> Figures:
    """Envoy's counters, gauges and histograms. The histograms are a second old at most."""
    told: dict[str, Any] = json.loads(await ask(socket, "/stats?format=json&histogram_buckets=detailed"))
    counts, times = {}, {}
    for one in told["stats"]:
        if isinstance(one.get("value"), int):
            counts[one["name"]] = one["value"]
        for histogram in one.get("histograms", {}).get("details", ()):
            bins = [(each["lower_bound"], each["width"], each["count"]) for each in histogram["totals"]]
            times[histogram["name"]] = bins
    return Figures(counts, times)


async def is_live(socket: Path) -> bool:
    """True when Envoy has everything that it waits for, and accepts requests."""
    try:
        return (await ask(socket, "/ready")).startswith(b"LIVE")
    except OSError:
        return False
