"""Hands secrets to Envoys over one stream each (Envoy's aggregated discovery service, incremental variant).

An Envoy names the records that it wants, once; from then on it gets each that changes, alone, as soon as it does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from .board import Board, Watch
from .messages import FILTER_TYPE, SECRET_TYPE, DeltaDiscoveryResponse

log = logging.getLogger("authrecord")

METHOD: Final = ("envoy.service.discovery.v3.AggregatedDiscoveryService", "DeltaAggregatedResources")
MOST_IN_ONE_ANSWER: Final = 2_000


class Discovery:
    """Answers the discovery streams of any number of Envoys out of one board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._reading: set[asyncio.Task[None]] = set()
        self.rejections = 0
        """How often an Envoy refused what it was handed."""

    async def stream(self, requests: AsyncIterator[Any], context: object) -> AsyncIterator[Any]:
        """One Envoy's stream, until either side ends it."""
        watch = self._board.watch()
        reading = asyncio.create_task(self._read(requests, watch))
        self._reading.add(reading)
        asking: asyncio.Task[list[str]] | None = None
        try:
            nonce = 0
            while not reading.done():
                asking = asyncio.create_task(watch.next(MOST_IN_ONE_ANSWER))
                await asyncio.wait({asking, reading}, return_when=asyncio.FIRST_COMPLETED)
                if not asking.done():
                    return
                told = [name for name in asking.result() if self._board.is_told(name, watch)]
                for kind in (SECRET_TYPE, FILTER_TYPE):
                    of_kind = [name for name in told if self._board.type_of(name) == kind]
                    if of_kind:
                        nonce += 1
                        yield self._answer(kind, of_kind, str(nonce))
        finally:
            self._board.forget(watch)
            self._reading.discard(reading)
            for task in (reading, asking):
                if task is not None:
                    task.cancel()

    def end(self) -> None:
        """Let every Envoy go: its stream would last for ever."""
        for reading in self._reading:
            reading.cancel()

    async def _read(self, requests: AsyncIterator[Any], watch: Watch) -> None:
        async for request in requests:
            if request.type_url not in {SECRET_TYPE, FILTER_TYPE}:
                continue
            if request.HasField("error_detail"):
                # Envoy's words may quote what it refused, so that they are not repeated.
                self.rejections += 1
                log.warning(
                    "Envoy %s refused a secret (code %d).", request.node.id, request.error_detail.code
                )
            watch.held.update(one.name for one in request.initial_resource_versions)
            watch.leaves(request.resource_names_unsubscribe)
            if request.resource_names_subscribe:
                watch.wants(request.resource_names_subscribe)

    def _answer(self, kind: str, names: list[str], nonce: str) -> Any:
        answer = DeltaDiscoveryResponse(type_url=kind, nonce=nonce, system_version_info=nonce)
        for name in names:
            if not self._board.knows(name):
                answer.removed_resources.append(name)
                continue
            version, serialised = self._board.resource(name)
            resource = answer.resources.add(name=name, version=version)
            resource.resource.type_url = kind
            resource.resource.value = serialised
        return answer
