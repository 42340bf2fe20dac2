"""The times of a renewal, shortened in the same proportion, so that a race or a crash waits seconds and not minutes."""

from __future__ import annotations

from authrecord.clients.sender import DEADLINE
from authrecord.keeper import keeper, renewal

REAL_CLAIM = renewal.CLAIM_SECONDS

MODULES = (renewal, keeper)
NAMES = ("CLAIM_SECONDS", "SEND_SECONDS", "SLACK_SECONDS", "PATIENCE_SECONDS")

LONG_ENOUGH = 5.0
"""Seconds in which a provider on the same machine answers, however busy that is."""

LEAST_SLACK = 1.0
"""Seconds. Less would be used up by a busy machine, not by a stopped process."""


def shorten(claim_seconds: float) -> None:
    """Let claims of this process last that long, and everything that fits into a claim be shorter likewise."""
    part = claim_seconds / REAL_CLAIM
    for name, seconds in (
        ("CLAIM_SECONDS", claim_seconds),
        ("SEND_SECONDS", deadline(claim_seconds) + max(renewal.SLACK_SECONDS * part, LEAST_SLACK)),
        ("SLACK_SECONDS", max(renewal.SLACK_SECONDS * part, LEAST_SLACK)),
        ("PATIENCE_SECONDS", max(renewal.PATIENCE_SECONDS * part, claim_seconds + 2.0)),
    ):
        for module in MODULES:
            if hasattr(module, name):
                setattr(module, name, seconds)


def deadline(claim_seconds: float) -> float:
    """The sender's deadline that belongs to such a claim (seconds).

    A busy machine may let an answer wait for seconds. Whoever gives up then has made its outcome unknown, which costs
    a login without a grace, so as much of the claim is left for it as there is.
    """
    in_proportion = DEADLINE * claim_seconds / REAL_CLAIM
    return min(DEADLINE, max(in_proportion, min(LONG_ENOUGH, claim_seconds - 2 * LEAST_SLACK)))
