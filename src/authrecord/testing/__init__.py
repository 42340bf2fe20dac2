"""Fakes for users: an honest authorization server, a hostile one, and a clock that can be turned.

The law of this room: it stands apart. It imports `core` at most, and nothing else of authrecord, so that what is
tested and what tests it do not share a mistake. Everything listens on loopback only.

```python
from authrecord.testing import HonestServer

with HonestServer(token_life=1.0) as server:
    client = server.register_client("client_credentials")
    ...  # server.token_url, server.api_url, server.counters
```
"""

from __future__ import annotations

from .clock import TurnableClock
from .honest import HonestServer
from .hostile import HostileServer
from .hostile_answers import HOSTILE_ANSWERS
from .messages import Received, Reply
from .state import Client, Counters, User

__all__ = [
    "HOSTILE_ANSWERS",
    "Client",
    "Counters",
    "HonestServer",
    "HostileServer",
    "Received",
    "Reply",
    "TurnableClock",
    "User",
]
