"""Step: a request to the API's URL, with the credential and, to compare, without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..clients.outcome import outcome
from ..core.errors import AuthrecordError, OriginRefused, RecordFault
from ..core.expiry import Expired, challenge_error
from ..core.replay import Outcome, Reason
from ..grants.words import safe_words
from ..keeper.authenticator import Authenticator
from ..record import OAuth2, Record
from ..wiring import Records, checked_origin
from .step import Step, failed, failed_by, note, ok

if TYPE_CHECKING:
    import httpx2

NAME: Final = "api"
TIMEOUT: Final = 30.0
"""Seconds for each step of a request."""

_REFUSED: Final = frozenset(
    {Reason.NOTHING_TO_RENEW, Reason.RENEWED_TOKEN_REFUSED, Reason.COOLING_DOWN, Reason.RENEWAL_FAILED}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is kept of an answer: nothing that an API might have echoed of a credential."""

    status: int
    kind: str
    size: int
    challenge: str
    challenge_error: str
    location: str
    story: Outcome | None
    expired: Expired | None

    def line(self, how: str) -> str:
        """The answer in a line."""
        words = [f"GET {how} → {self.status}", self.kind or "no content type", f"{self.size:,} bytes"]
        if self.challenge:
            words.append(f"asks for {self.challenge}")
        if self.location:
            words.append(f"redirects to {self.location}")
        return ", ".join(words)


def check_api(records: Records, record: Record, url: str) -> Step:
    """One GET with the credential, judged as every client judges it, and one GET without."""
    try:
        authenticator = records.keeper.authenticator(record)
        authenticator.release(checked_origin(url))
    except OriginRefused as error:
        advice = f"Add {checked_origin(url)} to allowed_origins, if that is the API."
        return failed_by(NAME, error, advice=advice)
    except RecordFault as error:
        return failed_by(NAME, error)
    try:
        bare = _get(records, record, authenticator, url, with_credential=False)
        answer = _get(records, record, authenticator, url, with_credential=True)
    except AuthrecordError as error:
        return failed_by(NAME, error)
    except _Unreachable as error:
        return failed(
            NAME, f"no answer: {error}.", advice="Check the URL, and the way to it from this machine."
        )
    return _judged(record, answer, bare)


class _Unreachable(Exception):
    """The API did not answer; the text is the HTTP library's, without control characters."""


def _get(
    records: Records, record: Record, authenticator: Authenticator, url: str, *, with_credential: bool
) -> Answer:
    import httpx2

    client = httpx2.Client(timeout=TIMEOUT, follow_redirects=False)
    if with_credential:
        records.attach(client, record.name)
    try:
        with client:
            response = client.get(url)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        words = safe_words(str(error)) or type(error).__name__
    else:
        return _answer(response, authenticator)
    raise _Unreachable(words)


def _answer(response: httpx2.Response, authenticator: Authenticator) -> Answer:
    challenges = response.headers.get_list("www-authenticate")
    expired = authenticator.expired_by_status(response.status_code, challenges)
    if expired is None:
        expired = authenticator.expired_by_pattern(
            response.status_code, response.reason_phrase, response.headers.raw, response.content
        )
    return Answer(
        status=response.status_code,
        kind=safe_words(response.headers.get("content-type", "").partition(";")[0]),
        size=len(response.content),
        challenge=", ".join(safe_words(one.split(" ")[0]) for one in challenges),
        challenge_error=challenge_error(challenges),
        location=_origin_words(response.headers.get("location", "")),
        story=outcome(response),
        expired=expired,
    )


def _origin_words(location: str) -> str:
    if not location:
        return ""
    try:
        return str(checked_origin(location))
    except RecordFault:
        return "the same origin"


def _judged(record: Record, answer: Answer, bare: Answer) -> Step:
    lines = (answer.line("with the credential"), bare.line("without it"))
    story = answer.story
    if story is not None and story.reason in _REFUSED:
        return _refused(record, answer, story, lines)
    if answer.challenge_error == "insufficient_scope":
        advice = "Ask for the scope that the API needs; the token has others."
        return failed(
            NAME, f"the API answers {answer.status}: the token's scope is too small.", *lines, advice=advice
        )
    if answer.status >= 500:
        return failed(NAME, f"the API is unwell: {answer.status}.", *lines, advice="Try again later.")
    if answer.status in {401, 403} and _same(answer, bare):
        advice = (
            "Check how the credential is sent (prefix, header, query name): the API does not seem to see it."
        )
        return failed(
            NAME, f"the API answers {answer.status}, with and without the credential.", *lines, advice=advice
        )
    if answer.status in {401, 403}:
        return note(
            NAME,
            f"the API knows the credential and answers {answer.status} for this URL.",
            *lines,
            advice="Try a URL that this user may read, or ask for the right to read this one.",
        )
    if answer.status >= 400:
        return note(
            NAME,
            f"the API answers {answer.status}: not a matter of authentication.",
            *lines,
            advice="Check with a URL that answers 200.",
        )
    return _accepted(record, answer, bare, lines)


def _same(answer: Answer, bare: Answer) -> bool:
    return (answer.status, answer.kind, answer.size) == (bare.status, bare.kind, bare.size)


def _refused(record: Record, answer: Answer, story: Outcome, lines: tuple[str, ...]) -> Step:
    detail = f" ({story.detail})" if story.detail else ""
    if answer.expired is Expired.PATTERN and answer.status < 400:
        advice = "Make auth.token_exchange.expired_pattern narrower: it matches an answer to a new token."
        return failed(NAME, "the expired message pattern matches a good answer.", *lines, advice=advice)
    asked = answer.challenge.partition(",")[0]
    if asked and asked.lower() not in {"bearer", "token"}:
        advice = f"The API asks for {asked}: choose the auth type or the prefix that it takes."
    elif isinstance(record.auth, OAuth2):
        advice = "Check scope, audience or resource, and that this API takes tokens of this provider."
    else:
        advice = "Check the credential itself: the API sees it and refuses it, or expects it elsewhere."
    return failed(
        NAME, f"the API answers {answer.status}: {story.reason.value}{detail}.", *lines, advice=advice
    )


def _accepted(record: Record, answer: Answer, bare: Answer, lines: tuple[str, ...]) -> Step:
    replayed = answer.story is not None and answer.story.replays > 0
    how = "after one renewal" if replayed else "at once"
    if bare.status < 400 and bare.expired is None and not 300 <= bare.status < 400:
        advice = "Check with a URL that needs the login: this one answers without any credential too."
        return note(
            NAME, f"the API answers {answer.status}, but needs no credential for it.", *lines, advice=advice
        )
    if isinstance(record.auth, OAuth2) and bare.expired is None:
        return note(
            NAME,
            f"the API answers {answer.status} {how}; its {bare.status} to a missing token would not be noticed.",
            *lines,
            advice="Set auth.token_exchange.expired_pattern to what the API says when a token has expired.",
        )
    return ok(NAME, f"the API answers {answer.status} {how}", *lines)
