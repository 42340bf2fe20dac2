"""The server's side of `server_process`: settings from standard input, and the end when it is closed."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any


def read_settings() -> dict[str, Any]:
    """The first line of standard input. From then on the process ends when standard input is closed."""
    settings: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    return settings


def say_ready(port: int) -> None:
    """Tell the tests where this server listens."""
    print(f"READY {port}", flush=True)


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(0)
