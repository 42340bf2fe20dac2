"""Was this answer "expired", and what follows: the rules of the keeper, for one or several records on a request.

A credential that is a moment old is not taken for expired, whatever the answer says: a scanner provokes refusals
on purpose, and the provider would be asked for nothing (the cool-down of `keeper.trust` bounds what is left).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ..clients.peek import Peek
from ..core.expiry import Expired
from ..core.replay import Reason
from ..keeper.authenticator import Authenticator
from ..keeper.live import Live
from ..keeper.young import refused_young
from .dressing import Dressing
from .grammar import ResponseHead
from .refusals import without_credential
from .routes import Route

_WITHOUT_BODY: Final = frozenset({101, 204, 205, 304})


class Judge:
    """The story of one request, over all of its records.

    `young`: see `young.refused_young`. `now`: UTC seconds.
    """

    def __init__(
        self,
        route: Route,
        dressing: Dressing,
        method: str,
        *,
        replayable: bool,
        young: float,
        now: Callable[[], float],
    ) -> None:
        self._route = route
        self._method = method
        self._young = young
        self._now = now
        self._lives = dressing.lives
        self._attempts = tuple(one.attempt(method, replayable) for one in route.authenticators)
        self._due: list[int] = []
        self.expired: Expired | None = None

    @property
    def reason(self) -> Reason:
        """What was done; of several records, the first that has something to tell."""
        told = [attempt.reason for attempt in self._attempts if attempt.reason is not Reason.AUTHENTICATED]
        return told[0] if told else Reason.AUTHENTICATED

    def peek(self, head: ResponseHead) -> Peek | None:
        """What collects the beginning of the body, where a pattern wants to see it."""
        if self._by_status(head) is not None or self._method == "HEAD" or head.status in _WITHOUT_BODY:
            return None
        content_type = head.fields.first(b"content-type").decode("latin-1")
        if not any(one.wants_body(content_type, streamed=False) for one in self._route.authenticators):
            return None
        codings = [value.decode("latin-1") for value in head.fields.values(b"content-encoding")]
        peek = Peek(codings)
        return peek if peek.can_decode else None

    def wants_renewal(self, head: ResponseHead, body: bytes) -> bool:
        """True when some credential is to be renewed because of this answer. `body`: its decoded beginning."""
        by_status = self._by_status(head)
        headers = [(field.name, field.value) for field in head.fields.all]
        self._due = []
        self.expired = None
        for number, one in enumerate(self._route.authenticators):
            expired = by_status
            if expired is None and one.has_pattern:
                expired = one.expired_by_pattern(head.status, head.reason.decode("latin-1"), headers, body)
            self.expired = self.expired or expired
            attempt, live = self._attempts[number], self._lives[number]
            if expired is not None and attempt.replays == 0 and self._refused_young(one, live):
                attempt.expired, attempt.reason = expired, Reason.COOLING_DOWN
            elif attempt.wants_renewal(live, expired):
                self._due.append(number)
        return bool(self._due)

    async def renewed(self, status: int) -> bool:
        """Renew what is due; true when the request is to be sent again. `status`: of the answer.

        Raises `Refusal` where the API refused a credential that has run out, and no other can be had: the client is
        told that, as it would be a moment later, and not that its credential, of which it knows nothing, expired.
        """
        due = [self._attempts[number].renewed_async(self._lives[number]) for number in self._due]
        fresh = [await due[0]] if len(due) == 1 else await asyncio.gather(*due)
        self._refuse_run_out(fresh)
        verdicts = [
            self._attempts[number].wants_replay(self._lives[number], live, status)
            for number, live in zip(self._due, fresh, strict=True)
        ]
        return any(verdicts)

    def _refuse_run_out(self, fresh: list[Live | None]) -> None:
        if self.expired is Expired.PATTERN:
            return  # by its pattern alone the answer may be one that the client needs
        for number, live in zip(self._due, fresh, strict=True):
            one, failure = self._route.authenticators[number], self._attempts[number].failure
            if live is None and failure is not None and one.has_run_out(self._lives[number]):
                self.expired = None
                raise without_credential(one.name, failure)

    def goes_on(self, dressing: Dressing) -> None:
        """The request is sent again, with these credentials."""
        self._lives = dressing.lives

    def _by_status(self, head: ResponseHead) -> Expired | None:
        if head.status < 400:
            return None
        challenges = [value.decode("latin-1") for value in head.fields.values(b"www-authenticate")]
        return self._route.authenticators[0].expired_by_status(head.status, challenges)

    def _refused_young(self, authenticator: Authenticator, live: Live) -> bool:
        return refused_young(authenticator, live, now=self._now(), most=self._young)
