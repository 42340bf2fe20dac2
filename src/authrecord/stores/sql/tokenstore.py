"""Tokens and claims of one tenant, for the keeper: over any backend, sealed by the vault.

Every change is told in the audit log in the same transaction: what is not told does not happen (attack row N13).
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import replace
from typing import Final

from ...core.errors import StoreFault, TryLater
from ...core.faults import fault
from ...core.secret import Secret
from ...core.token import Token
from ...keeper.ports import Claim, Failure, TokenKey
from . import claims, entries, states, tokens
from .audit import Entry
from .backend import Transaction
from .claims import Held, Place
from .restored import refuse_restored
from .slots import SLOTS
from .tenancy import TenantStore, carry_token, drop_tokens

NO_SLOT: Final = -1


class SqlTokens(TenantStore):
    """Implements `keeper.ports.TokenStore` for one tenant."""

    def load(self, key: TokenKey) -> Token | None:
        """The token; see `TokenStore.load`. Raises `StoreFault`: code `tampered` when it does not open."""
        with self.backend.reading() as transaction:
            place = self._place(transaction, key)
            return tokens.opened(transaction, self.vault, place, key, tokens.read_row(transaction, place))

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """The right to renew; see `TokenStore.claim`. Raises `TryLater` (code `store_busy`), `StoreFault`."""
        # Patience is a person's time, not the clock's: a clock that stands must not make anybody wait for ever.
        give_up = time.monotonic() + patience
        place = self._place_of(key)
        found = self._take(place, key, seconds)
        if found is not None:
            return found
        with self.backend.waiting(place.topic()) as wait:
            for pause in self.backend.pauses():
                found = self._take(place, key, seconds)
                if found is not None:
                    return found
                left = give_up - time.monotonic()
                if left <= 0:
                    break
                wait(min(left, pause))
        raise TryLater(
            f"the token of {key.name!r} is being renewed by another process.",
            hint="Try again in a moment.",
            code="store_busy",
        )

    def intend(self, claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        """Say what is about to be sent; see `TokenStore.intend`."""
        fault("refresh.intent_before")
        with self.backend.writing() as transaction:
            mark = self._fingerprint(transaction, refresh_token) if refresh_token is not None else ""
            owner = f"{platform.node()}:{os.getpid()}"
            place = self._place(transaction, claim.key)
            stands = not self._has_moved_on(transaction, place, claim)
            stands = stands and claims.open_intent(transaction, place, claim, mark, owner, seconds)
            fault("refresh.intent.before_commit")
        fault("refresh.intent_after")
        return stands

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """Save and give back; see `TokenStore.settle`. On disk when this returns.

        A disk that is full gets its ballast back, once, and is tried again (K5). After a fault the old token
        stands and the claim is still held: the caller may try again.
        """
        try:
            return self._settle(claim, token)
        except StoreFault as full:
            if full.code != "disk_full" or not self.backend.make_room():
                raise
        return self._settle(claim, token)

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Give back, and let everybody know why; see `TokenStore.fail`."""
        try:
            with self.backend.writing() as transaction:
                place = self._place(transaction, claim.key)
                before = claims.read(transaction, place, lock=self.backend.for_update)
                moved_on = self._has_moved_on(transaction, place, claim)
                if claims.clear_holder(transaction, place, claim.holder) and not moved_on:
                    claims.write_failure(transaction, place, failure)
                    record = states.set_failed(transaction, place, failure)
                    transaction.notify(place.topic())
                    if _is_news(before, failure):
                        told = Entry(
                            "token.renew", failure.state, record, claim.key.name, detail=failure.code
                        )
                        self._note(transaction, told)
                fault("refresh.fail.before_commit")
            fault("refresh.fail.after_commit")
        except BaseException:
            self._is_nobodys(claim.key, claim.holder)
            raise
        finally:
            self._unlock(claim.holder)

    def release(self, claim: Claim) -> None:
        """Give back; see `TokenStore.release`."""
        fault("refresh.before_release")
        try:
            with self.backend.writing(on_disk=False) as transaction:
                place = self._place(transaction, claim.key)
                claims.clear_holder(transaction, place, claim.holder)
                transaction.notify(place.topic())
                fault("refresh.release.before_commit")
            fault("refresh.release.after_commit")
        except BaseException:
            self._is_nobodys(claim.key, claim.holder)
            raise
        finally:
            self._unlock(claim.holder)

    def forget(self, key: TokenKey) -> None:
        """Drop every token of that name, its claims and its index entries; see `TokenStore.forget`.

        A token that does not open is dropped as well: this is the way out of `tampered`.
        """
        with self.backend.writing() as transaction:
            drop_tokens(transaction, self.tenant, key.name)
            record = states.set_idle(transaction, self.tenant, key.name)
            transaction.notify(self._place(transaction, key).topic())
            self._note(transaction, Entry("token.forget", "ok", record, key.name))
            fault("token.forget.before_commit")
        fault("token.forget.after_commit")
        self.backend.wipe()

    def carry(self, before: TokenKey, after: TokenKey) -> bool:
        """Let the token of `before` go on as that of `after`, which depends on the same; `False` when there is none.

        For whoever may change where a token travels, and did so in a document.
        """
        with self.backend.writing() as transaction:
            carried = carry_token(transaction, self.vault, self.tenant, before, after)
            if carried:
                self._note(transaction, Entry("token.carry", "ok", name=after.name))
            fault("token.carry.before_commit")
        fault("token.carry.after_commit")
        return carried

    def fingerprint(self, secret: Secret) -> str:
        """See `TokenStore.fingerprint`."""
        with self.backend.reading() as transaction:
            return self._fingerprint(transaction, secret)

    def remember(self, index_key: bytes, key: TokenKey) -> None:
        """Write down whose token the quick path shall find under `index_key` (`quick.index_key`)."""
        with self.backend.writing() as transaction:
            entries.write(transaction, self.vault, self._place(transaction, key), key, index_key)
            fault("token.remember.before_commit")
        fault("token.remember.after_commit")

    def _settle(self, claim: Claim, token: Token) -> Token | None:
        generation = claim.generation + 1
        with self.backend.writing() as transaction:
            place = self._place(transaction, claim.key)
            held = claims.read(transaction, place, lock=self.backend.for_update)
            stored = tokens.read_row(transaction, place)
            stands = claims.stands(held, claim.holder) and stored.generation == claim.generation
            claims.clear_holder(transaction, place, claim.holder)
            transaction.notify(place.topic())
            if stands:
                tokens.write(transaction, self.vault, place, claim.key.binding, token, generation)
                claims.close_success(transaction, place)
                record = states.set_live(transaction, place, token, self._fraction())
                mark = self._fingerprint(transaction, token.access_token)
                self._note(transaction, Entry("token.renew", "ok", record, claim.key.name, fingerprint=mark))
            fault("refresh.before_commit")
        fault("refresh.after_commit")
        self._unlock(claim.holder)
        return replace(token, generation=generation) if stands else None

    def _take(self, place: Place, key: TokenKey, seconds: float) -> Claim | None:
        """The claim, if it is free, with the token as it stands, in one transaction."""
        if self._slots is None:
            return self._taken(place, key, seconds, NO_SLOT)
        with self.backend.reading() as transaction:
            held = claims.read(transaction, place)
            now = transaction.ticks()
        self._slots.drop_over(now)
        occupied = held is not None and bool(held.holder) and not held.is_over(now)
        # The row of a holder that may be alive names the one lock that would prove its death.
        found = self._slots.take(
            place.topic(), (held.slot,) if held is not None and occupied else range(SLOTS)
        )
        if found is None:
            return None
        lock, slot = found
        claim: Claim | None = None
        try:
            claim = self._taken(place, key, seconds, slot)
        finally:
            if claim is None:
                lock.close()
        if claim is not None:
            self._slots.keep(claim.holder, lock, now + seconds)
        return claim

    def _taken(self, place: Place, key: TokenKey, seconds: float, slot: int) -> Claim | None:
        lock = self.backend.for_update
        nobodys = self._nobodys.get(key, frozenset())
        holder = ""
        try:
            # A loss of power ends holder and claim together, so neither needs the disk: see decision 65.
            with self.backend.writing(on_disk=False) as transaction:
                refuse_restored(transaction)
                taken = claims.take(
                    transaction, place, seconds, self._random, slot=slot, lock=lock, nobodys=nobodys
                )
                if taken is None:
                    return None
                holder, held = taken
                row = tokens.read_row(transaction, place)
                token = tokens.opened(transaction, self.vault, place, key, row)
                failure = held.quiet_failure(transaction.ticks())
                fault("refresh.claim.before_commit")
            fault("refresh.lease_acquired")
        except BaseException:
            self._is_nobodys(key, holder)
            raise
        self._nobodys.pop(key, None)
        return Claim(key, holder, row.generation, token, held.intent, failure, held.failures)

    def _fraction(self) -> float:
        return int.from_bytes(self._random(2), "big") / 65536

    def _has_moved_on(self, transaction: Transaction, place: Place, claim: Claim) -> bool:
        """Whether a holder before this one has saved after all: what `claim` was given has been spent (I7).

        The claim's row is locked first, as `settle` does it, so that what is read behind it cannot change any more.
        """
        claims.read(transaction, place, lock=self.backend.for_update)
        return tokens.read_row(transaction, place).generation != claim.generation

    def _is_nobodys(self, key: TokenKey, holder: str) -> None:
        """Whoever claims next in this process need not wait for the end of what `holder` may have claimed."""
        if holder:
            self._nobodys[key] = self._nobodys.get(key, frozenset()) | {holder}

    def _place_of(self, key: TokenKey) -> Place:
        kept = tokens.place_from_memory(self.vault, self.tenant, key)
        if kept is not None:
            return kept
        with self.backend.reading() as transaction:
            return self._place(transaction, key)

    def _unlock(self, holder: str) -> None:
        if self._slots is not None:
            self._slots.give_back(holder)


def _is_news(before: Held | None, failure: Failure) -> bool:
    """True unless the last renewal failed in the same way: a provider that is down for an hour is one line a cause."""
    if before is None or before.failure is None:
        return True
    return (before.failure.state, before.failure.code) != (failure.state, failure.code)
