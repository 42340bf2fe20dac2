"""Step: a token can be had.

By the grant itself, by the refresh token, or, where a person must log in, as far as it goes without one: the
authorization page answers, and the token endpoint accepts the client.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ..core.contracts import Steps
from ..core.errors import AuthrecordError, LoginRequired, Misconfigured, Refused
from ..core.fields import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, PASSWORD
from ..core.messages import Request, Response
from ..grants.words import safe_words
from ..keeper.keeper import Keeper
from ..keeper.run import run
from ..record import OAuth2, Record
from ..wiring import Records
from .client_proof import Trial, tried, try_other_ways
from .states import State, state_of
from .step import Step, failed, failed_by, note, ok
from .witness import Witness

NAME: Final = "token"
MOST_CLOCK_OFFSET: Final = 60.0
"""Seconds that clocks may differ before it is worth a word: signed assertions live as long."""

_ADVICE: Final = {
    "invalid_scope": "Check the scope: the provider does not know or does not grant it to this client.",
    "unauthorized_client": "Allow this grant type for the client at the provider, or choose another grant.",
    "unsupported_grant_type": "Choose another grant: the provider's token endpoint does not offer this one.",
    "invalid_grant": "Check username and password.",
    "invalid_request": "Compare the parameters with the provider's documentation; one is missing or too many.",
    "invalid_target": "Check auth.resource: the provider does not know that resource.",
}


def check_token(records: Records, record: Record, auth: OAuth2, witness: Witness) -> Step:
    """Obtains or renews the token where that needs nobody, and keeps it."""
    if auth.grant in {CLIENT_CREDENTIALS, PASSWORD}:
        return _with_clock(_alone(records, record, auth, witness), witness)
    state = state_of(records, record)
    if state.state is State.LIVE:
        return ok(NAME, f"{state.words}; it is not spent for a check")
    if state.state is State.RENEWABLE:
        return _with_clock(_renewed(records, record, auth, witness), witness)
    return _with_clock(_without_login(records.keeper, record, auth, witness), witness)


def _alone(records: Records, record: Record, auth: OAuth2, witness: Witness) -> Step:
    if auth.grant == PASSWORD and auth.credentials.password is None:
        state = state_of(records, record)
        if state.state in {State.LIVE, State.RENEWABLE}:
            return ok(NAME, f"{state.words}; the password is not kept, so the grant is not tried")
        return _login_needed(record, "the password is not kept, so only a person can log in")
    try:
        token = records.keeper.log_in_alone(record)
    except AuthrecordError as error:
        return _not_obtained(records.keeper, record, auth, error, witness)
    life = "its life is unknown" if token.life is None else f"it lives {token.life:,.0f} s"
    if token.remarks:
        advice = "Nothing, if it works; the provider's answer is unusual."
        return note(NAME, f"obtained; {life}; {token.remarks[0]}.", *witness.take(), advice=advice)
    return ok(NAME, f"obtained; {life}", *witness.take())


def _renewed(records: Records, record: Record, auth: OAuth2, witness: Witness) -> Step:
    try:
        records.keeper.token(record)
    except AuthrecordError as error:
        return _not_obtained(records.keeper, record, auth, error, witness)
    return ok(NAME, "renewed", *witness.take())


def _not_obtained(
    keeper: Keeper, record: Record, auth: OAuth2, error: AuthrecordError, witness: Witness
) -> Step:
    lines = witness.take()
    if _refuses_the_client(error, auth):
        provider = keeper.provider(record)
        trials = try_other_ways(provider, provider.client(), witness.tell)
        return _invalid_client(auth, error, (*lines, *witness.take()), trials)
    word = error.code if isinstance(error, Misconfigured) else getattr(error, "error", "")
    advice = _ADVICE.get(word, "")
    if word == "invalid_grant" and auth.grant != PASSWORD:
        advice = error.hint
    return failed_by(NAME, error, *lines, advice=advice)


def _refuses_the_client(error: AuthrecordError, auth: OAuth2) -> bool:
    """True for `invalid_client`, and for `invalid_request` after Basic: some servers say that of odd encodings."""
    if isinstance(error, Misconfigured):
        return error.code == "invalid_client"
    basic = auth.token_exchange.client_authentication in {"basic", "basic_raw"}
    return isinstance(error, Refused) and error.error == "invalid_request" and basic


def _invalid_client(
    auth: OAuth2, error: AuthrecordError, details: tuple[str, ...], trials: tuple[Trial, ...]
) -> Step:
    works = next((one.way for one in trials if one.accepted), "")
    if works:
        advice = f"Set auth.token_exchange.client_authentication to {works}: the provider accepts that."
        return failed_by(NAME, error, *details, advice=advice)
    if not isinstance(error, Misconfigured):
        advice = _ADVICE["invalid_request"]
    elif auth.credentials.client_secret is None:
        advice = "Give auth.credentials.client_secret: without one the provider does not know this client."
    elif trials:
        advice = "Check client_id and client_secret: the provider refuses them in the header and in the body."
    else:
        advice = "Check client_id and the key: the provider refuses the proof."
    return failed_by(NAME, error, *details, advice=advice)


def _without_login(keeper: Keeper, record: Record, auth: OAuth2, witness: Witness) -> Step:
    """As far as it goes without a person."""
    page = _authorization_page(keeper, record, auth, witness)
    if page is not None:
        return page
    if auth.grant == AUTHORIZATION_CODE:
        provider = keeper.provider(record)
        try:
            client = provider.client()
        except AuthrecordError as error:
            return failed_by(NAME, error, *witness.take())
        trial = tried(provider, client)
        trials = () if trial.accepted else try_other_ways(provider, client, witness.tell)
        if trial.accepted is False or any(one.accepted for one in trials):
            refusal = Misconfigured(
                f"the token endpoint does not accept the client, with a made-up code ({trial.words}).",
                field="auth.credentials",
                code="invalid_client",
            )
            return _invalid_client(auth, refusal, witness.take(), trials)
    return _login_needed(record, "there is no login yet, or it has ended", *witness.take())


def _login_needed(record: Record, why: str, *lines: str) -> Step:
    hint = f"Run `authrecord login {record.name}`."
    return failed_by(NAME, LoginRequired(f"{why}.", hint=hint), *lines)


def _authorization_page(keeper: Keeper, record: Record, auth: OAuth2, witness: Witness) -> Step | None:
    """Ask for the page that a login would open; a step when the provider refuses it at once, `None` if not."""
    try:
        redirect_uri = auth.authorization.callback_url or "http://127.0.0.1:1/"
        pending = keeper.begin_login(record, redirect_uri=redirect_uri)
        keeper.abandon_login(pending)
        witness.secrets.append(pending.state)
        response = run(_page(pending.authorization_url.reveal()), witness)
    except AuthrecordError as error:
        return failed_by(NAME, error, *witness.take())
    error_word = _error_in(response.header("location"))
    if error_word:
        advice = _ADVICE.get(
            error_word, "Compare the authorization request with the provider's documentation."
        )
        return failed(
            NAME,
            f"the provider refuses the authorization request: {error_word}.",
            *witness.take(),
            advice=advice,
        )
    if response.status in {400, 401, 404, 405}:
        return failed(
            NAME,
            f"the authorization URL answers {response.status} before any login.",
            *witness.take(),
            advice="Check client_id, and that the callback URL is registered at the provider, byte for byte.",
        )
    return None


def _page(url: str) -> Steps[Response]:
    response = yield Request("GET", url, headers=(("Accept", "text/html"),))
    return response


def _error_in(location: str) -> str:
    parts = urlsplit(location)
    found = parse_qs(parts.query).get("error") or parse_qs(parts.fragment).get("error") or [""]
    return safe_words(found[0])[:64]


def _with_clock(step: Step, witness: Witness) -> Step:
    """The step with a word about the clock, when this machine's and the provider's differ."""
    offset = witness.clock_offset
    if offset is None or abs(offset) <= MOST_CLOCK_OFFSET:
        return step
    direction = "ahead of" if offset > 0 else "behind"
    line = f"this machine's clock is {abs(offset):.0f} s {direction} the provider's"
    return replace(step, details=(*step.details, line))
