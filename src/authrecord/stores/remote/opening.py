"""Opens the store at a server. Nothing is sent before something is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...core.errors import RecordFault
from ...core.secret import Reference, Secret
from ...keeper.ports import Sender
from ..locating import Located
from .api_token import ApiToken
from .calls import Calls
from .store import RemoteStore

SECONDS: Final = 60.0
"""For one whole call: the server may have to wait for a provider, or for another one's renewal."""


def open_remote(located: Located, environment: Mapping[str, str], *, send: Sender) -> RemoteStore:
    """The store at the server that `located` names, asked through `send`."""
    return RemoteStore(Calls(located.url, send, ApiToken(located.api_token, environment)))


def unresolved(reference: Reference) -> Secret:
    """A `Resolver` that finds nothing: what a server's record refers to is none of this machine's."""
    raise RecordFault(
        f"the record of a server refers to {reference.kind}, which is not looked up here.",
        code="at_the_server",
    )
