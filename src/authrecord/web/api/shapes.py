"""What the API reads and writes, as structures: the OpenAPI document is made of them. Unknown members are refused."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from ..rights import SCOPES

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,100}$", description="A record's name.")]
Scope = Annotated[str, Meta(extra_json_schema={"enum": list(SCOPES)})]
Seconds = Annotated[float, Meta(description="UTC seconds since 1970.")]


class RecordLine(Struct, kw_only=True):
    """A record as a list shows it: nothing secret, nothing that is sealed."""

    name: str
    identity: str
    revision: int
    auth_type: str
    grant: str
    origins: list[str]
    tags: list[str]
    description: str
    state: str
    reason: str
    live_until: Seconds | None
    used_at: Seconds | None
    updated_at: Seconds


class RecordsPage(Struct, kw_only=True):
    """Some records, in the order of names. `next`: give it as `after` to get more; empty at the end."""

    records: list[RecordLine]
    next: str


class StoredRecordAnswer(Struct, kw_only=True):
    """A record as it is stored. Secrets are left out of `record`; `secrets_set` names the fields that hold one."""

    identity: str
    revision: int
    created_at: Seconds
    created_by: str
    updated_at: Seconds
    updated_by: str
    secrets_set: list[str]
    record: dict[str, Any]


class TokenHeld(Struct, kw_only=True, forbid_unknown_fields=True):
    """The token that the caller has: another one is wanted once it is due.

    `held`: SHA-256 of the access token, in hexadecimal. `refused`: an API calls it expired. A token that is not this
    record's newest, or is too young to have expired, costs no renewal.
    """

    held: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    refused: bool = False


class TokenAnswer(Struct, kw_only=True):
    """A live token, or a static credential (`token_type` is empty then).

    `life`: its seconds from the beginning to `expires_at`, where the provider told them. `asked_at`: when the request
    came, by the clock that `expires_at` is told by. `id_token`: only of a record that attaches it. `revision`: of the
    record that the credential is for: who has an older one must not send it to where the record no longer leads.
    """

    access_token: Annotated[str, Meta(extra_json_schema={"format": "password"})]
    token_type: str
    expires_at: Seconds | None
    scope: str | None
    life: float | None
    asked_at: Seconds
    id_token: Annotated[str | None, Meta(extra_json_schema={"format": "password"})]
    revision: int


class HeadersWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """For which URL. It must be one of the record's origins."""

    url: Annotated[str, Meta(min_length=1, max_length=4096)]


class HeadersAnswer(Struct, kw_only=True):
    """What to send to `url`: it holds the credential where the record sends it in the query."""

    url: str
    headers: dict[str, str]


class CheckWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """A URL of one of the record's origins to try it on; none for no request to the API."""

    url: Annotated[str, Meta(max_length=4096)] = ""


class StepAnswer(Struct, kw_only=True):
    """One step of a check. `verdict`: `ok`, `note`, `failed` or `skipped`."""

    name: str
    verdict: str
    summary: str
    details: list[str]
    advice: str


class CheckAnswer(Struct, kw_only=True):
    """Every step, in order."""

    ok: bool
    steps: list[StepAnswer]


class LoginAnswer(Struct, kw_only=True):
    """A login. `authorization_url`: where a person logs in, given once. `state`: waiting, done or failed."""

    id: str
    record: str
    state: str
    authorization_url: str
    steps: list[str]


class AnswerGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The address that the provider redirected the browser to."""

    address: Annotated[str, Meta(min_length=1, max_length=131072)]


class AuditLine(Struct, kw_only=True):
    """A row of the audit log."""

    seq: int
    at: Seconds
    actor: str
    action: str
    record: str
    name: str
    origin: str
    outcome: str
    request: str
    fingerprint: str
    detail: str


class AuditPage(Struct, kw_only=True):
    """Rows, oldest first. `next`: give it as `after` to get more; `null` at the end."""

    lines: list[AuditLine]
    next: int | None


class KeyAnswer(Struct, kw_only=True):
    """A version of the key that seals the tenant's secrets; never the key. `state`: `active` or `retired`."""

    version: int
    state: str
    created_at: Seconds


class KeysAnswer(Struct, kw_only=True):
    """The versions, the newest first."""

    keys: list[KeyAnswer]


class TokenWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """An API token to make. `records`: the only ones it reaches; `null` for all."""

    label: Annotated[str, Meta(pattern=r"\S", min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=20)]
    records: Annotated[list[Name], Meta(max_length=1000)] | None = None
    days: Annotated[float, Meta(gt=0, le=3650)] = 90


class ApiTokenLine(Struct, kw_only=True):
    """An API token, without its secret."""

    id: str
    label: str
    scopes: list[str]
    records: list[str] | None
    created_at: Seconds
    created_by: str
    expires_at: Seconds
    used_at: Seconds | None
    revoked_at: Seconds | None


class ApiTokensAnswer(Struct, kw_only=True):
    """Every token of the tenant."""

    tokens: list[ApiTokenLine]


class NewApiToken(Struct, kw_only=True):
    """A new token. `text` is shown this once; empty when the same idempotency key came before."""

    token: ApiTokenLine
    text: Annotated[str, Meta(extra_json_schema={"format": "password"})]


class FaultShape(Struct, kw_only=True):
    """One fault: where, and what."""

    path: str
    detail: str
    hint: str = ""


class Problem(Struct, kw_only=True):
    """Problem details (RFC 9457). `code`: a stable word; `errors`: every fault at once."""

    title: str
    status: int
    type: str = "about:blank"
    detail: str = ""
    code: str = ""
    hint: str = ""
    scope: str = ""
    provider_error: str = ""
    errors: list[FaultShape] = []
