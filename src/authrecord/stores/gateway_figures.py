"""What the gateways of this machine and user tell of themselves: a small file each, for the page to show.

Figures hold no secret and no address of a caller. They are worth nothing after some seconds, so they are written
beside the store and not into it: no lock, no waiting for the disk, and gone when the gateway is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..core.errors import StoreFault
from . import private_files

FRESH_SECONDS: Final = 10.0
"""A gateway that has said nothing for longer is gone: it was killed, and its file stayed."""

MOST_BYTES: Final = 64 * 1024
_FOLDER: Final = "gateways"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFigures:
    """One gateway, just now. `name`: its process. `at`, `since`: UTC seconds; `since`, when it began.

    `places`: the ways in and where they listen. `by_status`: status, requests per second, requests in all. `p50`,
    `p99`: seconds, of the last moment; 0 when nothing was asked. `troubles`: the last errors, as time, code and words.
    """

    name: str
    at: float
    since: float
    places: tuple[tuple[str, str], ...]
    by_status: tuple[tuple[int, float, int], ...]
    requests: int
    renewals: int
    replays: int
    expired_passed: int
    callers: int
    p50: float
    p99: float
    troubles: tuple[tuple[float, str, str], ...]

    @property
    def rate(self) -> float:
        """Requests per second, of every status."""
        return sum(rate for _, rate, _ in self.by_status)


def publish(data_folder: str, figures: GatewayFigures) -> None:
    """Take the place of what this gateway said before. Raises `StoreFault` and `OSError`."""
    path = _path(data_folder, figures.name)
    private_files.make_folder(os.path.dirname(path))
    unfinished = f"{path}.new"
    descriptor = private_files.open_descriptor(unfinished, create=True)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(asdict(figures)).encode("utf-8"))
    finally:
        os.close(descriptor)
    os.replace(unfinished, path)


def withdraw(data_folder: str, name: str) -> None:
    """The gateway ends."""
    with suppress(FileNotFoundError):
        os.unlink(_path(data_folder, name))


def published(data_folder: str, now: float) -> list[GatewayFigures]:
    """The gateways that run at `now` (UTC seconds), in the order in which they began."""
    return sorted(_fresh(data_folder, now), key=lambda one: (one.since, one.name))


def _fresh(data_folder: str, now: float) -> Iterator[GatewayFigures]:
    folder = os.path.join(data_folder, _FOLDER)
    with suppress(FileNotFoundError):
        for entry in sorted(os.listdir(folder)):
            if not entry.endswith(".json"):
                continue
            # A file that is replaced or taken away this moment, or that is not ours to trust, is not shown.
            with suppress(OSError, StoreFault, ValueError, TypeError):
                found = _read(json.loads(private_files.read(os.path.join(folder, entry), MOST_BYTES)))
                if abs(now - found.at) < FRESH_SECONDS:
                    yield found


def _read(data: Any) -> GatewayFigures:
    pairs = {key: tuple(tuple(one) for one in data[key]) for key in ("places", "by_status", "troubles")}
    return GatewayFigures(**{**data, **pairs})


def _path(data_folder: str, name: str) -> str:
    return os.path.join(data_folder, _FOLDER, f"{name}.json")
