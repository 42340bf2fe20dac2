"""Drives a flow: sends what it yields, gives back what was answered."""

from __future__ import annotations

from typing import TypeVar

from ..core.contracts import Steps
from ..core.errors import RecordFault
from .ports import Sender

T = TypeVar("T")

MOST_REQUESTS = 10
"""A flow that wants more requests than this is broken: no grant needs more than a handful."""


def run(flow: Steps[T], send: Sender) -> T:
    """The result of `flow`. Raises what `send` or the flow raise; the flow sees a sender's error first."""
    try:
        request = next(flow)
        for _ in range(MOST_REQUESTS):
            try:
                response = send(request)
            except Exception as error:  # noqa: BLE001 - the flow may know what an error means; unhandled, it comes back
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as done:
        result: T = done.value
        return result
    flow.close()
    raise RecordFault("obtaining a token took too many requests.")
