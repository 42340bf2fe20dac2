"""May this request be sent again after its token was renewed? The method policy, and the reasons for "no".

A 4xx answer means by contract that the request was not processed, so any method may be replayed. An answer
of another status that merely *says* "expired" may come after the server acted: then only methods that change
nothing are replayed (attack rows H2, H3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .expiry import Expired

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})


class ReplayPolicy(Enum):
    """When a request with an unsafe method (POST, PUT, PATCH, DELETE) is replayed after a renewal."""

    NEVER = "never"
    ON_REFUSAL = "on_refusal"
    ALWAYS = "always"


class Reason(Enum):
    """Why a caller got an answer as it came. Each is a sentence that a caller can read."""

    AUTHENTICATED = "authenticated"
    RENEWED_AND_REPLAYED = "the answer said expired; the token was renewed and the request sent again"
    NOT_RELEASED = "the destination is not one of the record's allowed origins; nothing was attached"
    NOTHING_TO_RENEW = "the API refused the credential, and this record has nothing to renew"
    BODY_NOT_REPLAYABLE = "the token was renewed, but the request's body cannot be sent a second time"
    METHOD_NOT_REPLAYED = (
        "the token was renewed, but a request of this method is not repeated after such an answer"
    )
    RENEWED_TOKEN_REFUSED = "the renewed token was refused as well; the credential itself does not open this"
    COOLING_DOWN = "renewed tokens were refused a moment ago; no further renewal for now"
    RENEWAL_FAILED = "the answer said expired, and no new token could be had"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What authrecord did for one request: the reason, and how many renewals and replays it took.

    `expired` says how the last "expired" answer was recognised, `None` when none was. `detail` is the text of
    the error when a renewal failed; it holds no secret.
    """

    record: str
    reason: Reason
    replays: int = 0
    expired: Expired | None = None
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.record}: {self.reason.value}" + (f" ({self.detail})" if self.detail else "")


def refusal_to_replay(
    method: str, status: int, *, body_replayable: bool, policy: ReplayPolicy
) -> Reason | None:
    """The reason why the request must not be sent again, or `None` when it may."""
    if not body_replayable:
        return Reason.BODY_NOT_REPLAYABLE
    if method.upper() in SAFE_METHODS or policy is ReplayPolicy.ALWAYS:
        return None
    if policy is ReplayPolicy.ON_REFUSAL and 400 <= status < 500:
        return None
    return Reason.METHOD_NOT_REPLAYED
