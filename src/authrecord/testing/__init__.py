"""Fakes for users: an honest authorization server, a hostile one, and a clock that can be turned.

The law of this room: it stands apart. It imports `core` at most, and nothing else of authrecord, so that what is
tested and what tests it do not share a mistake. Everything listens on loopback only.

```python
from authrecord.testing import HOSTILE_ANSWERS, HonestServer, HostileServer, TurnableClock

clock = TurnableClock()
with HonestServer(token_life=1.0, clock=clock.time, auto_login=True) as server:
    client = server.register_client("client_credentials")
    ...  # client.client_id, client.secret, server.token_url, server.api_url
    server.api.expired_answer = "200_body"
    clock.advance(1.5)  # every token has run out
    ...
    assert server.counters.token_requests == 2

with HostileServer(token_answer="C7_gzip_bomb") as server:
    ...  # server.token_url; server.bytes_received

for name, answer in HOSTILE_ANSWERS.items():  # and HOSTILE_API_ANSWERS, HOSTILE_AUTHORIZATIONS, HOSTILE_METADATA
    print(name, answer.explanation)
```

The servers work from threads and from event loops alike: each runs in a thread of its own.
"""

from __future__ import annotations

from .clock import TurnableClock
from .honest import HonestServer
from .hostile import HostileServer
from .hostile_answers import HOSTILE_ANSWERS
from .hostile_api import HOSTILE_API_ANSWERS
from .hostile_authorizations import HOSTILE_AUTHORIZATIONS
from .hostile_metadata import HOSTILE_METADATA
from .hostile_scene import HostileAnswer
from .messages import Received, Reply
from .protected_api import EXPIRED_ANSWERS
from .state import Client, Counters, User

__all__ = [
    "EXPIRED_ANSWERS",
    "HOSTILE_ANSWERS",
    "HOSTILE_API_ANSWERS",
    "HOSTILE_AUTHORIZATIONS",
    "HOSTILE_METADATA",
    "Client",
    "Counters",
    "HonestServer",
    "HostileAnswer",
    "HostileServer",
    "Received",
    "Reply",
    "TurnableClock",
    "User",
]
