"""Step: the record's expired message pattern, and whether it matches a sample."""

from __future__ import annotations

from typing import Final

from ..core.errors import RecordFault
from ..core.expiry import BODY_BYTES
from ..documents import compile_pattern
from ..record import OAuth2, Record
from .step import Step, failed, failed_by, note, ok

NAME: Final = "pattern"


def check_pattern(record: Record, sample: bytes | None) -> Step | None:
    """The step; `None` when there is neither a pattern nor a sample. `sample`: an answer's body, or a whole one."""
    pattern = record.auth.token_exchange.expired_pattern if isinstance(record.auth, OAuth2) else ""
    if not pattern:
        if sample is None:
            return None
        advice = "Set auth.token_exchange.expired_pattern to a part of that message."
        return failed(NAME, "the record has no expired message pattern.", advice=advice)
    try:
        matches = compile_pattern(pattern)
    except RecordFault as fault:
        return failed_by(NAME, fault)
    if sample is None:
        return ok(NAME, "the expired message pattern can be read", "try it: --pattern-on FILE")
    if matches(sample[:BODY_BYTES]):
        return ok(NAME, "the expired message pattern matches the sample")
    if matches(sample):
        advice = f"Choose a message within the first {BODY_BYTES // 1024} KiB: no more is read of an answer."
        return failed(NAME, "the pattern matches only beyond what is read of an answer.", advice=advice)
    if matches(sample.lower()) or matches(sample.upper()):
        advice = "Begin the pattern with (?i): letters count as large and small."
        return note(NAME, "the pattern would match the sample if case did not count.", advice=advice)
    advice = "Copy a part of the sample's message into auth.token_exchange.expired_pattern."
    return failed(NAME, "the expired message pattern does not match the sample.", advice=advice)
