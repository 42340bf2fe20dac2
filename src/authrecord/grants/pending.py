"""A login that waits for a person: data, never a paused generator. And the answer that ends it.

The order of the checks is the point. `state` comes first: without it an answer is not ours, whatever it says,
and the login goes on waiting (A7: any web page can send `error=access_denied` to a loopback port). Only then are
`iss` (RFC 9207), an error, and the code looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl

from ..core.errors import LoginFailed
from ..core.origin import origin_of
from ..core.secret import Secret
from .client import OAuthClient
from .words import safe_words

LIFE_SECONDS: Final = 600.0
"""How long an answer is accepted (A5)."""

LONGEST_ANSWER: Final = 128 * 1024
MOST_PARAMETERS: Final = 100

Answer = tuple[tuple[str, str], ...]
"""The parameters of an authorization answer, decoded once, in order, doubles included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin:
    """What must be remembered between the redirect to the provider and its answer.

    `authorization_url` is secret because it may hold sensitive parameters and holds the `state`.
    `began_at`: UTC seconds. `redirect_uri`: byte for byte as sent.
    """

    record: str
    grant: str
    authorization_url: Secret
    redirect_uri: str
    state: Secret
    code_verifier: Secret | None
    issuer: str
    issuer_must_answer: bool
    began_at: float


def parse_answer(query: str) -> Answer:
    """The parameters of a query or fragment, each decoded exactly once (A21).

    Raises `LoginFailed` (code `not_ours`) when it is too large or malformed.
    """
    if len(query) > LONGEST_ANSWER:
        raise not_ours("the answer is too large")
    try:
        return tuple(
            parse_qsl(
                query,
                keep_blank_values=True,
                max_num_fields=MOST_PARAMETERS,
                encoding="utf-8",
                errors="strict",
            )
        )
    except ValueError:
        raise not_ours("the answer is malformed") from None


def check_answer(pending: PendingLogin, answer: Answer, client: OAuthClient, *, now: float) -> None:
    """Accept that `answer` ends `pending`, or raise `LoginFailed`.

    Codes: `not_ours` (keep waiting), `expired`, `mixed_up`, and `refused` with the provider's own error.
    """
    if not compare_digest(one(answer, "state").encode("utf-8"), pending.state.reveal().encode("utf-8")):
        raise not_ours("the answer's state is not the one that this login sent")
    if now - pending.began_at > LIFE_SECONDS:
        raise LoginFailed(
            "the login expired before its answer came.", hint="Start the login again.", code="expired"
        )
    _check_issuer(pending, answer)
    _refuse_error(answer, client)


def one(answer: Answer, name: str) -> str:
    """The one value of `name`, empty when there is none. Raises `LoginFailed` (`not_ours`) for more than one."""
    values = [value for key, value in answer if key == name]
    if len(values) > 1:
        raise not_ours(f"the answer holds {name} more than once")
    return values[0] if values else ""


def not_ours(why: str) -> LoginFailed:
    """The error for an answer that does not belong to the login: the login goes on waiting."""
    return LoginFailed(f"{why}.", hint="The login still waits for the right answer.", code="not_ours")


def _check_issuer(pending: PendingLogin, answer: Answer) -> None:
    """RFC 9207 §2.4: simple string comparison, on error answers too; a missing `iss` where it was promised."""
    issuer = one(answer, "iss")
    if not issuer:
        if pending.issuer_must_answer:
            raise _mixed_up(
                "the provider promises to name itself in its answer (iss), and this answer does not"
            )
        return
    if pending.issuer:
        if issuer != pending.issuer:
            raise _mixed_up("the answer comes from another issuer than the record's")
        return
    try:
        foreign = origin_of(issuer) != origin_of(pending.authorization_url.reveal())
    except ValueError:
        foreign = True
    if foreign:
        raise _mixed_up("the answer names an issuer at another host than the Authorization URL's")


def _mixed_up(why: str) -> LoginFailed:
    return LoginFailed(
        f"{why}; its code was not used.",
        hint="If that issuer is right, write it into the record as auth.issuer.",
        code="mixed_up",
    )


def _refuse_error(answer: Answer, client: OAuthClient) -> None:
    """RFC 6749 §4.1.2.1. An answer with an error *and* a code or token is an error (A8)."""
    error = one(answer, "error")
    if not error:
        return
    word = safe_words(error, client.secrets())[:64]
    description = safe_words(one(answer, "error_description"), client.secrets())
    said = f" ({description})" if description else ""
    raise LoginFailed(f"the provider refused the login: {word}{said}.", code="refused")
