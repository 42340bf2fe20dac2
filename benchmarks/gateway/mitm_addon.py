"""The addon that one writes for mitmproxy to put a token on each request."""

from __future__ import annotations

import os
from typing import Any

TOKEN = os.environ["TOKEN"]


def request(flow: Any) -> None:
    flow.request.headers["Authorization"] = TOKEN
