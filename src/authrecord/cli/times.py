"""Times on a command line: a date, a date with a time, or how long ago."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from time import time
from typing import Any, Final

import click

_AGO: Final = re.compile(r"(\d{1,6})\s*([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Moment(click.ParamType[float]):
    """UTC seconds from `2026-01-31`, `2026-01-31T12:00`, `2026-01-31T12:00Z`, or `90m`: so long ago.

    Without a time zone it is this machine's own time.
    """

    name = "moment"

    def __init__(self, now: Callable[[], float] = time) -> None:
        self._now = now

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """See the class; what cannot be read is a fault of the call."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        ago = _AGO.fullmatch(text)
        if ago is not None:
            return self._now() - int(ago[1]) * _SECONDS[ago[2]]
        try:
            return datetime.fromisoformat(text).astimezone().timestamp()
        except (ValueError, OverflowError, OSError):
            self.fail("write it as 2026-01-31, 2026-01-31T12:00Z, or as 90m, 12h, 7d ago.", param, context)
