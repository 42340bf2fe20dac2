"""Who may call through Envoy: the control process is asked about a proof, and Envoy remembers for a moment.

The same judgement as in the embedded gateway (`gateway.callers`): the password opens everything, an API token the
records that it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...core.secret import Secret
from ..callers import Callers, Tokens
from ..grammar import Fields, Malformed
from ..refusals import Refusal

WELCOME: Final = "welcome"
UNKNOWN: Final = Refusal(407, "unknown_caller", "The gateway does not know the caller.")
NOT_ALLOWED: Final = Refusal(403, "not_allowed", "This token may not use the records of this request.")
AWAY: Final = Refusal(503, "store_away", "Who is calling cannot be asked now.")


@dataclass(frozen=True, slots=True)
class Question:
    """A caller's `proof` as it stands in its header, and what it wants: all of `records`, or any of `any_of`.

    `is_shared`: it came to a listener that other machines reach, where the password opens nothing.
    """

    proof: str
    records: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    is_shared: bool = False


class Doorkeeper:
    """`password` opens every record; `tokens` those that they are for. `monotonic`: seconds."""

    def __init__(self, password: Secret | None, tokens: Tokens, monotonic: Callable[[], float]) -> None:
        self._of_others = Callers(None, tokens, reverse=False, monotonic=monotonic)
        self._of_ours = Callers(password, tokens, reverse=False, monotonic=monotonic)

    async def admit(self, question: Question) -> str:
        """`WELCOME`, or the code of the refusal."""
        callers = self._of_others if question.is_shared else self._of_ours
        try:
            fields = Fields(b"X-Authrecord-Token: " + question.proof.encode("latin-1"))
            if callers.knows(fields)[0]:
                return WELCOME
            wanted: list[tuple[str, ...]] = [(one,) for one in question.any_of]
            for records in wanted or [question.records]:
                if (await callers.may_use(fields, records))[0]:
                    return WELCOME
        except (Malformed, UnicodeEncodeError):
            return UNKNOWN.code
        except Refusal as refusal:
            return refusal.code
        return NOT_ALLOWED.code
