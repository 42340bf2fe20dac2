"""The audit log, the keys' state, and the API tokens themselves."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from ...core.errors import RecordFault
from ...core.messages import plain
from ...stores.sql.api_tokens import ApiToken
from ..issuing import issue
from ..journal import Entry, Line
from ..keys_state import keys_of
from ..rights import ADMIN, AUDIT, Caller
from ..site import Site
from ..threads import in_thread
from .answers import Key, faults, once, repeated
from .shapes import (
    ApiTokenLine,
    ApiTokensAnswer,
    AuditLine,
    AuditPage,
    KeyAnswer,
    KeysAnswer,
    NewApiToken,
    TokenWanted,
)

MOST_LINES: Final = 500


@get("/audit", opt={"scope": AUDIT}, security=[{"token": [AUDIT]}], responses=faults())
@in_thread
def read_audit(
    site: Site,
    caller: Caller,
    name: Annotated[str, QueryParameter(max_length=100)] = "",
    after: Annotated[int, QueryParameter(ge=0, le=2**53)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_LINES)] = 100,
) -> AuditPage:
    """Rows of the tenant's audit log after a number, oldest first; of one record where `name` is given."""
    if caller.records is not None and name not in caller.records:
        return AuditPage(lines=[], next=None)
    found = site.journal.page(caller.tenant, name=name, after=after, limit=limit)
    return AuditPage(lines=[_line(one) for one in found], next=found[-1].seq if len(found) == limit else None)


@get("/keys", opt={"scope": ADMIN}, security=[{"token": [ADMIN]}], responses=faults())
@in_thread
def read_keys(site: Site, caller: Caller) -> KeysAnswer:
    """The state of the keys that seal the tenant's secrets."""
    return KeysAnswer(
        keys=[
            KeyAnswer(version=one.version, state=one.state, created_at=one.created_at)
            for one in keys_of(site, caller.tenant)
        ]
    )


@get("/api-tokens", opt={"scope": ADMIN}, security=[{"token": [ADMIN]}], responses=faults())
@in_thread
def list_tokens(site: Site, caller: Caller) -> ApiTokensAnswer:
    """Every API token of the tenant, the newest first."""
    return ApiTokensAnswer(tokens=[_token(one) for one in site.api_tokens.listed(caller.tenant)])


@post(
    "/api-tokens",
    opt={"scope": ADMIN},
    security=[{"token": [ADMIN]}],
    responses=faults(409, 413, 415, 422) | repeated(NewApiToken),
)
@in_thread
def make_token(
    site: Site, caller: Caller, data: JSONBody[TokenWanted], key: Key = ""
) -> Response[NewApiToken]:
    """Make an API token with scopes that the asking token has itself. Its text is in this answer only."""
    text: list[str] = []

    def make() -> str:
        records = data.records
        if caller.records is not None and not caller.records.issuperset(records or ("",)):
            raise RecordFault("the new token would reach more than this one.", field="records")
        issued, secret = issue(
            site, caller, label=data.label, scopes=data.scopes, records=records, days=data.days
        )
        text.append(plain(secret))
        return issued.identity

    request: dict[str, Any] = {
        "label": data.label, "scopes": data.scopes, "records": data.records, "days": data.days,
    }  # fmt: skip
    found, made = once(site, caller, key, request, make, lambda identity: _found(site, caller, identity))
    answer = NewApiToken(token=_token(found), text=text[0] if text else "")
    return Response(answer, status_code=201 if made else 200)


@delete(
    "/api-tokens/{identity:str}",
    opt={"scope": ADMIN},
    status_code=204,
    security=[{"token": [ADMIN]}],
    responses=faults(404),
)
@in_thread
def revoke_token(site: Site, caller: Caller, identity: FromPath[str]) -> None:
    """Revoke an API token, at once and for all servers."""
    if not site.api_tokens.revoke(identity, tenant=caller.tenant):
        raise RecordFault("there is no such token.", code="not_found")
    site.journal.note(caller, Entry("api_token.revoke", "ok", detail=f"ar_{identity}"))


def _found(site: Site, caller: Caller, identity: str) -> ApiToken:
    found = next((one for one in site.api_tokens.listed(caller.tenant) if one.identity == identity), None)
    if found is None:
        raise RecordFault("there is no such token.", code="not_found")
    return found


def _token(one: ApiToken) -> ApiTokenLine:
    return ApiTokenLine(
        id=one.identity,
        label=one.label,
        scopes=sorted(one.scopes),
        records=None if one.records is None else sorted(one.records),
        created_at=one.created_at,
        created_by=one.created_by,
        expires_at=one.expires_at,
        used_at=one.used_at,
        revoked_at=one.revoked_at,
    )


def _line(one: Line) -> AuditLine:
    entry = one.entry
    return AuditLine(
        seq=one.seq,
        at=one.at,
        actor=one.actor,
        action=entry.action,
        record=entry.record,
        name=entry.name,
        origin=entry.origin,
        outcome=entry.outcome,
        request=entry.request,
        fingerprint=entry.fingerprint,
        detail=entry.detail,
    )


HANDLERS: Final = (read_audit, read_keys, list_tokens, make_token, revoke_token)
