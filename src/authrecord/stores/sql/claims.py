"""Who may renew which token: a row that is only changed in short transactions, and is the truth (rows I3, I4, I7).

A claim ends by time: by the database's own clock on PostgreSQL, by the machine's monotonic clock on SQLite, where a
lock of the operating system shows a dead holder at once (`slots`). The row also holds what its holder is about to
send, and how the last renewal failed, so that every process of a fleet knows both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from ...keeper.ports import Claim, Failure, Intent
from ..sealing import Random
from .backend import Transaction

LONGEST_QUIET: Final = 7 * 3600.0
"""A longer pause was written under another clock, such as that of the machine before its last start: no pause."""


@dataclass(frozen=True, slots=True)
class Place:
    """The primary key of a claim and of its token. `lookup`: the keyed hash of `TokenKey.digest`."""

    tenant: str
    name: str
    lookup: bytes

    @property
    def values(self) -> tuple[str, str, bytes]:
        """The values of `AT`."""
        return self.tenant, self.name, self.lookup

    def topic(self) -> str:
        """What its waiters wait for; also the name of its lock files."""
        from hashlib import sha256

        from ..sealing import packed
        from .bindings import text

        return "c_" + sha256(packed(text(self.tenant), text(self.name), self.lookup)).hexdigest()[:32]


AT: Final = "tenant = ? AND name = ? AND lookup = ?"
"""The condition that finds one claim or token; its values are `Place.values`."""


@dataclass(frozen=True, slots=True)
class Held:
    """The row of one claim. `epoch` is new after each `forget`; `holder` is empty when nobody holds it."""

    epoch: str
    holder: str
    slot: int
    until: float
    intent: Intent | None
    failure: Failure | None
    quiet_until: float
    failures: int

    def is_over(self, now: float) -> bool:
        """True at or after its end. `now`: by `Transaction.ticks`."""
        return now >= self.until

    def quiet_failure(self, now: float) -> Failure | None:
        """The last failure with the seconds that are left of its pause; `None` when the pause is over."""
        left = self.quiet_until - now
        if self.failure is None or not 0 < left <= LONGEST_QUIET:
            return None
        return Failure(self.failure.state, self.failure.code, self.failure.message, left)


def read(transaction: Transaction, place: Place, *, lock: str = "") -> Held | None:
    """The claim's row. `lock`: `Backend.for_update`, to hold the row until the transaction ends."""
    row = transaction.row(
        "SELECT epoch, holder, slot, until, intent_generation, intent_fingerprint, intent_at, intent_owner,"  # noqa: S608 - put together of constants
        f" failure_state, failure_code, failure_message, quiet_until, failures FROM claims WHERE {AT}{lock}",
        place.values,
    )
    if row is None:
        return None
    epoch, holder, slot, until, generation, fingerprint, at, owner, state, code, message, quiet, failures = (
        row
    )
    return Held(
        epoch,
        holder,
        slot,
        until,
        None if generation is None else Intent(generation, fingerprint or "", at or 0.0, owner or ""),
        None if state is None else Failure(state, code or "", message or ""),
        quiet,
        failures,
    )


def take(
    transaction: Transaction,
    place: Place,
    seconds: float,
    random: Random,
    *,
    slot: int,
    lock: str,
    nobodys: Collection[str] = (),
) -> tuple[str, Held] | None:
    """A new holder's name and the row before; `None` while another one holds the claim.

    `slot`: the lock that the caller has, -1 where there are no such locks. A holder whose own lock the caller has
    got is dead, and is overtaken before its time is over; so are `nobodys`, the holders that the caller knows
    to be nobody.
    """
    transaction.change(
        "INSERT INTO claims (tenant, name, lookup, epoch, holder, slot, until, quiet_until, failures)"
        " VALUES (?, ?, ?, ?, '', -1, 0, 0, 0) ON CONFLICT (tenant, name, lookup) DO NOTHING",
        (*place.values, random(8).hex()),
    )
    held = read(transaction, place, lock=lock)
    if held is None:
        return None  # forgotten between the two statements: the caller looks again
    now = transaction.ticks()
    alive = bool(held.holder) and held.holder not in nobodys and not held.is_over(now)
    if alive and (slot < 0 or held.slot != slot):
        return None
    holder = f"{held.epoch}.{random(16).hex()}"
    transaction.change(
        f"UPDATE claims SET holder = ?, slot = ?, until = ? WHERE {AT}",  # noqa: S608 - put together of constants
        (holder, slot, now + seconds, *place.values),
    )
    return holder, held


def stands(held: Held | None, holder: str) -> bool:
    """True unless the key was forgotten since `holder` took the claim."""
    return held is not None and held.epoch == holder.partition(".")[0]


def clear_holder(transaction: Transaction, place: Place, holder: str) -> bool:
    """Take `holder` out of the row; `False` when it is no longer in it."""
    return bool(
        transaction.change(
            f"UPDATE claims SET holder = '', until = 0 WHERE {AT} AND holder = ?",  # noqa: S608 - put together of constants
            (*place.values, holder),
        )
    )


def close_success(transaction: Transaction, place: Place) -> None:
    """A new token was saved: no intent is open, and nothing fails any more."""
    transaction.change(
        "UPDATE claims SET intent_generation = NULL, intent_fingerprint = NULL, intent_at = NULL,"  # noqa: S608 - put together of constants
        " intent_owner = NULL, failure_state = NULL, failure_code = NULL, failure_message = NULL,"
        f" quiet_until = 0, failures = 0 WHERE {AT}",
        place.values,
    )


def open_intent(
    transaction: Transaction, place: Place, claim: Claim, fingerprint: str, owner: str, seconds: float
) -> bool:
    """Write down what is about to be sent; `False` when the claim has less than `seconds` left, or is over."""
    return bool(
        transaction.change(
            "UPDATE claims SET intent_generation = ?, intent_fingerprint = ?, intent_at = ?, intent_owner = ?"  # noqa: S608 - put together of constants
            f" WHERE {AT} AND holder = ? AND until >= ?",
            (
                claim.generation,
                fingerprint,
                transaction.now(),
                owner,
                *place.values,
                claim.holder,
                transaction.ticks() + seconds,
            ),
        )
    )


def write_failure(transaction: Transaction, place: Place, failure: Failure) -> None:
    """How it failed. The intent is closed, unless nobody knows what became of the request."""
    keep_intent = "" if failure.outcome_unknown else ", intent_generation = NULL, intent_fingerprint = NULL"
    transaction.change(
        "UPDATE claims SET failure_state = ?, failure_code = ?, failure_message = ?, quiet_until = ?,"  # noqa: S608 - put together of constants
        f" failures = failures + 1{keep_intent} WHERE {AT}",
        (
            failure.state,
            failure.code,
            failure.message,
            transaction.ticks() + failure.quiet_seconds,
            *place.values,
        ),
    )


Owner = Callable[[], str]
"""Who sends: host and process id, for the story that an intent tells."""
