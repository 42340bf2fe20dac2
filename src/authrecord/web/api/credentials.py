"""What a record is for: its live token, the headers for a URL, and why it does not work."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, Final, TypeVar

from litestar import post
from litestar.params import FromPath, JSONBody

from ...clients.egress import guarded_transport
from ...core.errors import AuthrecordError
from ...core.messages import Stamp, plain, with_query
from ...core.secret import Reference
from ...core.token import Token
from ...doctor.step import Step, Verdict
from ...doctor.walk import walk
from ...doctor.witness import Witness
from ...documents.plain import mapping_of
from ...keeper.ports import Sender, StoredRecord
from ...record import OAuth2, Record
from ...stores.sql.opened_records import Opened
from ...wiring import Records, Settings, checked_origin
from ..rights import USE, Caller
from ..site import Site
from ..threads import in_thread_for_provider
from ..trying import TIMEOUT, tried
from .answers import faults
from .reading import WHILE_AWAY
from .records import opened_for, read_for
from .shapes import (
    CheckAnswer,
    CheckWanted,
    HeadersAnswer,
    HeadersWanted,
    StepAnswer,
    TokenAnswer,
    TokenHeld,
)
from .succeeding import succeeding

Answer = TypeVar("Answer")

RELEASE: Final = "token.release"
_LOOPBACK: Final = "http://127.0.0.1"
_OPEN_STORE: Final = Settings(environment={"AUTHRECORD_HOME": "/"}, store="memory:", key="file:served")
"""The doctor's look at the store tells nothing here unless it fails: where the store lies is the operator's affair."""


@post(
    "/records/{name:str}/token",
    opt={"scope": USE, WHILE_AWAY: True},
    status_code=200,
    security=[{"token": [USE]}],
    responses=faults(404, 409, 413, 415, 422, 424),
)
@in_thread_for_provider
def get_token(
    site: Site, caller: Caller, name: FromPath[str], data: JSONBody[TokenHeld | None] = None
) -> TokenAnswer:
    """The live token, renewed if need be; of a static record its credential. Told in the audit log before it leaves.

    Without a body whatever lives. A body says which token the caller has: it gets the next one once that is due.
    """
    asked_at = site.clock.time()
    return _from(
        site, caller, name, lambda opened, apart: _token(site, caller, opened, data, asked_at, apart=apart)
    )


def _token(
    site: Site, caller: Caller, opened: Opened, held: TokenHeld | None, asked_at: float, *, apart: bool
) -> TokenAnswer:
    stored, record, keeper = opened.stored, opened.stored.record, site.keeper(caller.tenant)
    if opened.key is None:
        stamp = keeper.authenticator(record, base_url=_LOOPBACK).credential().stamp
        answer = TokenAnswer(
            access_token=_static(record, stamp),
            token_type="",
            expires_at=None,
            scope=None,
            life=None,
            asked_at=asked_at,
            id_token=None,
            revision=stored.revision,
        )
    else:
        answer = answer_of(succeeding(keeper, record, held, site.clock), stored, asked_at)
    site.journal.release(caller, RELEASE, record=stored.identity, name=record.name, origin="", apart=apart)
    return answer


def _from(site: Site, caller: Caller, name: str, release: Callable[[Opened, bool], Answer]) -> Answer:
    """What `release` gives; while the database is away, of the record as it was a moment ago, and told apart."""

    def ask() -> Answer:
        opened = opened_for(site, caller, name)
        if opened.key is not None:
            site.keeper(caller.tenant).heed(opened.key, opened.token_at)
        return release(opened, False)

    def remember() -> Answer | None:
        opened = site.opened.recent(caller.tenant, name) if caller.reaches(name) else None
        return None if opened is None else release(opened, True)

    return site.away.either(ask, remember)


def answer_of(token: Token, stored: StoredRecord, asked_at: float) -> TokenAnswer:
    """The token as the API hands it out. `asked_at`: UTC seconds, when the request came."""
    auth = stored.record.auth
    attaches_id = isinstance(auth, OAuth2) and auth.token_usage.token == "id_token"
    return TokenAnswer(
        access_token=plain(token.access_token),
        token_type=token.token_type,
        expires_at=token.expires_at,
        scope=token.scope,
        life=token.life,
        asked_at=asked_at,
        id_token=plain(token.id_token) if attaches_id and token.id_token is not None else None,
        revision=stored.revision,
    )


@post(
    "/records/{name:str}/headers",
    opt={"scope": USE, WHILE_AWAY: True},
    status_code=200,
    security=[{"token": [USE]}],
    responses=faults(404, 409, 413, 415, 422, 424),
)
@in_thread_for_provider
def get_headers(
    site: Site, caller: Caller, name: FromPath[str], data: JSONBody[HeadersWanted]
) -> HeadersAnswer:
    """What to send to a URL of one of the record's origins. For any other origin nothing is released."""
    return _from(
        site, caller, name, lambda opened, apart: _headers(site, caller, opened, data.url, apart=apart)
    )


def _headers(site: Site, caller: Caller, opened: Opened, url: str, *, apart: bool) -> HeadersAnswer:
    stored = opened.stored
    origin = checked_origin(url)
    authenticator = site.keeper(caller.tenant).authenticator(stored.record)
    authenticator.release(origin)
    stamp = authenticator.credential().stamp
    site.journal.release(
        caller,
        "headers.release",
        record=stored.identity,
        name=stored.record.name,
        origin=str(origin),
        apart=apart,
    )
    headers = dict(stamp.wire_headers())
    if stamp.cookies:
        headers["Cookie"] = stamp.wire_cookies()
    return HeadersAnswer(url=with_query(url, stamp.query), headers=headers)


@post(
    "/records/{name:str}/check",
    opt={"scope": USE},
    status_code=200,
    security=[{"token": [USE]}],
    responses=faults(404, 413, 415, 422),
)
@in_thread_for_provider
def check_record(site: Site, caller: Caller, name: FromPath[str], data: JSONBody[CheckWanted]) -> CheckAnswer:
    """Walk through what the record does, from its document to the API, and say what stands in the way."""
    record = read_for(site, caller, name).record
    if not site.references and _holds_reference(mapping_of(record)):
        advice = "Enter the secret itself, or have the server started with --allow-references."
        summary = "the record refers to a secret, and this server resolves no references"
        step = StepAnswer(name="secrets", verdict="failed", summary=summary, details=[], advice=advice)
        return CheckAnswer(ok=False, steps=[step])
    witnesses: list[Witness] = []

    def watched(sender: Sender) -> Sender:
        witnesses.append(Witness(sender, monotonic))
        return witnesses[-1]

    keeper = site.new_keeper(caller.tenant, watched)
    records = Records({record.name: record}, keeper, source="the store")
    steps = [
        _step(one)
        for one in walk(records, record, witnesses[0], _OPEN_STORE, seconds=monotonic)
        if one.name not in {"api", "store"} or one.verdict is Verdict.FAILED
    ]
    if data.url:
        steps.append(_on_api(site, caller, record, data.url))
    return CheckAnswer(ok=all(one.verdict != Verdict.FAILED.value for one in steps), steps=steps)


def _on_api(site: Site, caller: Caller, record: Record, url: str) -> StepAnswer:
    """One GET with the credential, through the server's own rule about addresses."""
    try:
        trial = tried(
            record,
            lambda through: site.new_keeper(caller.tenant, through),
            guarded_transport(site.permits, timeout=TIMEOUT),
            method="GET",
            url=url,
            body="",
        )
    except AuthrecordError as error:
        return StepAnswer(name="api", verdict="failed", summary=error.message, details=[], advice=error.hint)
    verdict = "ok" if trial.status < 400 else "failed"
    details = [one.text for one in trial.steps]
    return StepAnswer(
        name="api", verdict=verdict, summary=f"the API answers {trial.status}", details=details, advice=""
    )


def _step(one: Step) -> StepAnswer:
    return StepAnswer(
        name=one.name,
        verdict=one.verdict.value,
        summary=one.summary,
        details=list(one.details),
        advice=one.advice,
    )


def _holds_reference(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_reference(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_reference(item) for item in value)
    return isinstance(value, Reference)


def _static(record: Record, stamp: Stamp) -> str:
    """A static credential as it stands in the record: without the prefix that is sent before it."""
    pairs = (*stamp.headers, *stamp.query, *stamp.cookies)
    prefix = getattr(record.auth, "prefix", "")
    sent = plain(pairs[0][1])
    return sent.removeprefix(f"{prefix} ") if prefix else sent


HANDLERS: Final = (get_token, get_headers, check_record)
