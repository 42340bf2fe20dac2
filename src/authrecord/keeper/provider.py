"""What the keeper knows of one record's provider: its client, and the metadata it published, read once."""

from __future__ import annotations

import threading

from ..core.contracts import Means, Resolver
from ..grants.client import OAuthClient
from ..grants.discovery import Metadata, discover, with_metadata
from ..record import OAuth2, Record
from .ports import Sender
from .resolving import client_of, needs_discovery
from .run import run


class Provider:
    """Makes the OAuth client of a record, as often as it is needed; asks the issuer's metadata once."""

    def __init__(
        self, record: Record, auth: OAuth2, *, send: Sender, resolve: Resolver, means: Means
    ) -> None:
        self.record = record
        self.auth = auth
        self.send = send
        self.means = means
        self._resolve = resolve
        self._metadata: Metadata | None = None
        self._lock = threading.Lock()

    def client(self) -> OAuthClient:
        """The client with its references resolved now and its endpoints filled in.

        Raises `RecordFault` and whatever discovery raises.
        """
        client = client_of(self.record, self.auth, self._resolve)
        if not needs_discovery(self.auth):
            return client
        return with_metadata(client, self.metadata())

    def metadata(self) -> Metadata:
        """The issuer's metadata. Concurrent callers wait for the one request."""
        with self._lock:
            if self._metadata is None:
                steps = discover(self.auth.issuer, allow_insecure=self.auth.allow_insecure)
                self._metadata = run(steps, self.send)
            return self._metadata
