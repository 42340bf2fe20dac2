"""Try it: one request to one of the record's own origins, and what happened on the way.

It works with a keeper of its own on the shared store, so that a renewal is seen here and is one renewal for all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..clients.masking import masked
from ..core.errors import AuthrecordError, RecordFault, TryLater
from ..core.expiry import Expired
from ..core.replay import Outcome, Reason
from ..doctor.witness import Witness
from ..grants.words import safe_words
from ..keeper.authenticator import Authenticator
from ..keeper.keeper import Keeper
from ..keeper.ports import Sender
from ..record import Record
from ..wiring import checked_origin
from .progress import Step

if TYPE_CHECKING:
    import httpx2

TIMEOUT: Final = 30.0
SHOWN_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 2 * 1024 * 1024
"""Bytes of an answer that are read."""

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Trial:
    """An answer as the page shows it: text, never markup, with known secrets masked."""

    method: str
    url: str
    status: int
    reason: str
    milliseconds: float
    story: str
    headers: tuple[tuple[str, str], ...]
    body: str
    cut: bool
    size: int
    steps: tuple[Step, ...]


def tried(
    record: Record,
    open_keeper: Callable[[Callable[[Sender], Sender]], Keeper],
    transport: httpx2.BaseTransport,
    *,
    method: str,
    url: str,
    body: str,
) -> Trial:
    """Send the request. `open_keeper` gives a keeper whose sender is put through its argument.

    Raises `OriginRefused` for a URL that is not one of the record's origins, `RecordFault` for a method that is
    none, `TryLater` when no answer came, and whatever obtaining the credential raises.
    """
    if method not in METHODS:
        raise RecordFault("that is no method that is sent from here.", field="method")
    witnesses: list[Witness] = []

    def watched(sender: Sender) -> Sender:
        witnesses.append(Witness(sender, monotonic))
        return witnesses[-1]

    keeper = open_keeper(watched)
    authenticator = keeper.authenticator(record)
    authenticator.release(checked_origin(url))
    answered = _sent(authenticator, transport, method, url, body)
    lines = [line for witness in witnesses for line in witness.take()]
    story = answered.story
    steps = (
        Step("ok", f"Released to {checked_origin(url)}", 0.0),
        *(Step("ok" if "no answer" not in line else "failed", line, 0.0) for line in lines),
        Step(
            "ok" if answered.status < 400 else "note", f"{method} → {answered.status}", answered.took / 1000
        ),
        *(() if story is None or story.reason is Reason.AUTHENTICATED else (Step("note", str(story), 0.0),)),
    )
    return Trial(
        method=method,
        url=masked(url),
        status=answered.status,
        reason=answered.phrase,
        milliseconds=answered.took,
        story=_words(story, answered.status),
        headers=answered.headers,
        body=_text(answered.content[:SHOWN_BYTES], answered.kind),
        cut=len(answered.content) > SHOWN_BYTES,
        size=len(answered.content),
        steps=steps,
    )


@dataclass(frozen=True, slots=True)
class _Answered:
    """What came back. `took`: milliseconds."""

    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    kind: str
    content: bytes
    story: Outcome | None
    took: float


def _sent(
    authenticator: Authenticator, transport: httpx2.BaseTransport, method: str, url: str, body: str
) -> _Answered:
    """Send it. Raises `TryLater` when no answer came, and whatever obtaining the credential raises."""
    import httpx2

    from ..clients.httpx2 import Transport
    from ..clients.outcome import outcome

    headers = {"accept": "application/json, */*;q=0.5", "user-agent": "authrecord"}
    if body:
        headers["content-type"] = "application/json"
    began = monotonic()
    try:
        with (
            httpx2.Client(
                transport=Transport(authenticator, transport), timeout=TIMEOUT, trust_env=False
            ) as client,
            client.stream(method, url, headers=headers, content=body.encode() or None) as response,
        ):
            content = _read(response)
            return _Answered(
                status=response.status_code,
                phrase=response.reason_phrase,
                headers=tuple((name, masked(value)) for name, value in response.headers.multi_items()),
                kind=response.headers.get("content-type", ""),
                content=content,
                story=outcome(response),
                took=(monotonic() - began) * 1000,
            )
    except httpx2.HTTPError as error:
        failure = safe_words(masked(str(error))) or type(error).__name__
    finally:
        transport.close()
    raise TryLater(
        f"the API did not answer: {failure}.", hint="Check the path, and the way to it from the server."
    )


def _words(story: Outcome | None, status: int) -> str:
    """`401 → renewed → 200` where a renewal happened."""
    if story is None or story.expired is None or story.reason is not Reason.RENEWED_AND_REPLAYED:
        return ""
    first = "401" if story.expired is Expired.STATUS else story.expired.value
    return f"{first} → renewed → {status}"


def failed_trial(error: AuthrecordError) -> Step:
    """Why no request was sent, or no answer came."""
    from .authorizing import failed_step

    return failed_step(error, 0.0)


def _read(response: httpx2.Response) -> bytes:
    """At most `MOST_BYTES` of the answer."""
    content = b""
    for piece in response.iter_bytes(16 * 1024):
        content += piece
        if len(content) > MOST_BYTES:
            break
    return content


def _text(content: bytes, kind: str) -> str:
    """The body as text, JSON laid out, secrets masked."""
    text = content.decode("utf-8", "replace")
    media = kind.partition(";")[0].strip().lower()
    if media == "application/json" or media.endswith("+json"):
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return masked(text)
    return masked(text)
