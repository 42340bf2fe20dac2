"""Decides about answers that may say "expired": renew, send again, or let the answer pass, and why.

Envoy asks when an answer is suspicious, never for each request. The rules are the keeper's own: one renewal for all
who were refused with one credential, a bucket and a cool-down against refusals that a scanner provokes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from ...core.errors import RecordFault
from ...core.expiry import Expired
from ...core.messages import Stamp
from ...core.replay import Reason
from ...keeper.attempt import Attempt
from ...keeper.authenticator import Authenticator
from ...keeper.live import Live
from ...keeper.young import refused_young
from ..refusals import Refusal, without_credential
from .board import Board
from .placement import Place, Placement
from .plan import REPLAYED_BODY_BYTES, Target


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What Envoy saw. `attempt`: 1, and one more for each replay. `sent`: bytes of the request's body so far.

    `holds`: the answer is held back whole, so that another can stand for it. `credentials`: for each of the target's
    records the part of the request in which it stands: a header's value, the path with its query, or the cookies.
    `shown`: the answer's fields and the beginning of its body, empty when the answer is not suspicious and only a
    replay's success is told.
    """

    target: str
    attempt: int
    method: str
    sent: int
    status: int
    holds: bool
    credentials: tuple[str, ...]
    shown: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to send the request again, and the reason that its caller is told. `expired`: so the answer says.

    `refusal`: what the caller gets in place of the answer.
    """

    replay: bool
    reason: Reason
    expired: bool = False
    refusal: Refusal | None = None


class Broker:
    """Judges for every target of a plan.

    `young`: see `keeper.young.refused_young`. `now`: UTC seconds. `replay_bytes`: of a body that can be sent again.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        authenticators: Callable[[str], Authenticator],
        board: Board,
        *,
        young: float,
        now: Callable[[], float],
        replay_bytes: int = REPLAYED_BODY_BYTES,
    ) -> None:
        self._replay_bytes = replay_bytes
        self.targets = targets
        self._authenticators = authenticators
        self._board = board
        self._young = young
        self._now = now

    async def judge(self, seen: Suspicion) -> Verdict:
        """The verdict about one answer. Raises `RecordFault` for a target that no rule has any more."""
        target = self._target(seen.target)
        replay, reasons, expired = False, [], False
        for placement, part in zip(target.placements, seen.credentials, strict=True):
            authenticator = self._authenticators(placement.record)
            live = self._board.found(placement.record, credential_in(part, placement)) or Live(Stamp())
            story = authenticator.attempt(seen.method, seen.sent <= self._replay_bytes)
            try:
                again = await self._story(story, authenticator, live, seen)
            except Refusal as refusal:
                return Verdict(replay=False, reason=Reason.RENEWAL_FAILED, expired=True, refusal=refusal)
            replay = replay or again
            reasons.append(story.reason)
            expired = expired or story.expired is not None
        told = [reason for reason in reasons if reason is not Reason.AUTHENTICATED]
        return Verdict(replay, told[0] if told else Reason.AUTHENTICATED, expired)

    def current(self, target: str) -> tuple[str | None, ...]:
        """The values to inject now, for each of the target's records; `None` where there is none."""
        return tuple(self._board.newest(record) for record in self._target(target).records)

    async def _story(self, story: Attempt, authenticator: Authenticator, live: Live, seen: Suspicion) -> bool:
        expired = judged(authenticator, seen)
        if seen.attempt > 1:
            story.replays, story.reason = seen.attempt - 1, Reason.RENEWED_AND_REPLAYED
            if not story.wants_renewal(live, expired):
                return False
            return await self._renewed(story, authenticator, live, seen)
        if expired is not None and refused_young(authenticator, live, now=self._now(), most=self._young):
            story.expired, story.reason = expired, Reason.COOLING_DOWN
            return False
        if not story.wants_renewal(live, expired):
            return False
        return await self._renewed(story, authenticator, live, seen)

    async def _renewed(
        self, story: Attempt, authenticator: Authenticator, live: Live, seen: Suspicion
    ) -> bool:
        """Renew; true when the request is to be sent again."""
        fresh = await story.renewed_async(live)
        if fresh is not None:
            self._board.put(authenticator.name, fresh)
        elif story.failure is not None and _is_lost(story, authenticator, live):
            self._board.withdraw(authenticator.name)
            if seen.holds:
                raise without_credential(authenticator.name, story.failure)
            return seen.sent <= self._replay_bytes  # Envoy refuses to send it without a credential
        return story.wants_replay(live, fresh, seen.status)

    def _target(self, name: str) -> Target:
        found = self.targets.get(name)
        if found is None:
            raise RecordFault(f"no rule leads to {name[:100]!r} any more.", code="no_target")
        return found


def _is_lost(story: Attempt, authenticator: Authenticator, live: Live) -> bool:
    """True when the API refused a credential that has run out; what is not remembered is older than such a one.

    Where no other can be had, the client is told that, as it would be a moment later, and not that its credential, of
    which it knows nothing, expired. By its pattern alone the answer may be one that the client needs.
    """
    return story.expired is not Expired.PATTERN and (live.token is None or authenticator.has_run_out(live))


def judged(authenticator: Authenticator, seen: Suspicion) -> Expired | None:
    """Whether the answer says "expired", by status and challenge or by the record's pattern."""
    head, _, body = seen.shown.partition(b"\n\n")
    lines = [line.partition(b": ") for line in head.split(b"\n")[1:]]
    if seen.status >= 400:
        challenges = [value.decode("latin-1") for name, _, value in lines if name == b"www-authenticate"]
        by_status = authenticator.expired_by_status(seen.status, challenges)
        if by_status is not None:
            return by_status
    if not authenticator.has_pattern or not seen.shown:
        return None
    headers = [(name, value) for name, _, value in lines]
    return authenticator.expired_by_pattern(seen.status, phrase(seen.status), headers, body)


def credential_in(part: str, placement: Placement) -> str:
    """What was injected, out of the part of the request in which it stands; ours is always the last."""
    if placement.place is Place.QUERY:
        return part.partition("?")[2].rpartition("&")[2]
    if placement.place is Place.COOKIE:
        return part.rpartition("; ")[2]
    return part


def phrase(status: int) -> str:
    """The usual words for a status, which stand for those that Envoy does not keep."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
