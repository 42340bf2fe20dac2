"""One request of the user on one hop: may it cost a renewal, may it be replayed, and why not.

An adapter for an HTTP library drives it; the shape is the same in all of them:

```
attempt = authenticator.attempt(method, replayable)
live = authenticator.credential()                      # or: await authenticator.credential_async()
while True:
    response = send(copy_of(request, live))
    expired = …                                        # authenticator.expired_by_status / expired_by_body
    if not attempt.wants_renewal(live, expired): break
    fresh = attempt.renewed(live)                      # or: await attempt.renewed_async(live)
    if not attempt.wants_replay(live, fresh, status): break
    close(response); live = fresh
response.… = attempt.outcome
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..core.errors import AuthrecordError
from ..core.expiry import Expired
from ..core.replay import Outcome, Reason, refusal_to_replay
from .live import Live
from .observing import PATTERN_DOUBTED

if TYPE_CHECKING:
    from .authenticator import Authenticator

MOST_REPLAYS: Final = 2
"""One replay; a second only if the token that the first one carried ran out on the way."""


class Attempt:
    """The story of one request. `outcome` is what the caller can read at the end."""

    __slots__ = (
        "_authenticator",
        "_method",
        "_replayable",
        "detail",
        "expired",
        "failure",
        "reason",
        "replays",
    )

    def __init__(self, authenticator: Authenticator, method: str, replayable: bool) -> None:
        self._authenticator = authenticator
        self._method = method
        self._replayable = replayable
        self.reason = Reason.AUTHENTICATED
        self.replays = 0
        self.expired: Expired | None = None
        self.detail = ""
        self.failure: AuthrecordError | None = None
        """Why the renewal failed, if it did."""

    @property
    def outcome(self) -> Outcome:
        """What was done for the request."""
        return Outcome(self._authenticator.name, self.reason, self.replays, self.expired, self.detail)

    def wants_renewal(self, live: Live, expired: Expired | None) -> bool:
        """True when the answer that `live` got says expired, and a renewal is due for it."""
        authenticator = self._authenticator
        if expired is None:
            if self.replays:
                authenticator.trust.accepted()
            return False
        self.expired = expired
        if not authenticator.renewable:
            return self._ends(Reason.NOTHING_TO_RENEW)
        current = authenticator.held
        if current is not None and not current.is_same(live) and self.replays == 0:
            return True  # somebody renewed meanwhile: it costs nothing
        if self.replays and (self.replays >= MOST_REPLAYS or not authenticator.has_run_out(live)):
            self._refused_again()
            return self._ends(Reason.RENEWED_TOKEN_REFUSED)
        if authenticator.has_run_out(live):
            return True
        if authenticator.trust.is_cooling or not authenticator.trust.spend(live):
            return self._ends(Reason.COOLING_DOWN)
        return True

    def renewed(self, rejected: Live) -> Live | None:
        """The credential after `rejected`, or `None` when none can be had; blocks while it is obtained."""
        try:
            return self._authenticator.credential(rejected)
        except AuthrecordError as error:
            self._failed(error)
            return None

    async def renewed_async(self, rejected: Live) -> Live | None:
        """The same for a task."""
        try:
            return await self._authenticator.credential_async(rejected)
        except AuthrecordError as error:
            self._failed(error)
            return None

    def wants_replay(self, rejected: Live, fresh: Live | None, status: int) -> bool:
        """True when the request shall be sent again with `fresh`. `status`: of the answer that said expired."""
        if fresh is None:
            return False
        if fresh.is_same(rejected):
            self._refused_again()
            return self._ends(Reason.NOTHING_TO_RENEW)
        refusal = refusal_to_replay(
            self._method, status, body_replayable=self._replayable, policy=self._authenticator.replay_policy
        )
        if refusal is not None:
            return self._ends(refusal)
        self.replays += 1
        self.reason = Reason.RENEWED_AND_REPLAYED
        return True

    def _refused_again(self) -> None:
        """The renewed token was refused as well: if by the pattern alone, that may not mean "expired" (G11)."""
        if self.expired is Expired.PATTERN:
            self._authenticator.observer.noticed(PATTERN_DOUBTED)
        self._authenticator.trust.refused_again()

    def _failed(self, error: AuthrecordError) -> None:
        self.detail, self.failure = error.message, error
        self._ends(Reason.RENEWAL_FAILED)

    def _ends(self, reason: Reason) -> bool:
        self.reason = reason
        return False
