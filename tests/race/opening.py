"""Opens what a race is about: the store under test, and the records of its document."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from authrecord.core.contracts import Clock
from authrecord.keeper.ports import TokenStore
from authrecord.stores.keys import sealing_key
from authrecord.stores.local import LocalStore

_RECORD = """\
  - name: {name}
    allowed_origins: ["{origin}"]
    auth:
      type: oauth2
      grant: authorization_code
      authorization: {{url: "{origin}/authorize"}}
      credentials: {{client_id: {name}, client_secret: "${{env:RACE_SECRET}}"}}
      token_exchange: {{url: "{origin}/token", client_authentication: body}}
"""


def write_document(path: Path, records: Iterable[tuple[str, str]]) -> None:
    """A document of `records`: each a name, which its client has as well, and the provider's origin."""
    path.write_text("records:\n" + "".join(_RECORD.format(name=name, origin=at) for name, at in records))


def open_tokens(url: str, key: str, clock: Clock) -> TokenStore:
    """The tokens of the store at `url`. `key`: the source of its key."""
    cache = url.removeprefix("sqlite://")
    return LocalStore(
        cache, sealing_key(key, environment={}, cache=cache, random=os.urandom), clock, os.urandom
    )
