"""Records: listed page by page, created, read, changed from a revision, deleted."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from ...core.errors import DocumentFault, Fault, RecordFault
from ...keeper.ports import Filter, StoredRecord
from ...record import Record
from ...stores.sql.opened_records import Opened
from ..editing import accepted
from ..removing import remove
from ..rights import READ, WRITE, Caller, unreachable
from ..site import Site
from ..threads import in_thread, in_thread_for_provider
from .answers import IfMatch, Key, faults, once, repeated
from .documents import etag, given, line, revision_of, shown
from .shapes import RecordsPage, StoredRecordAnswer

MOST_LINES: Final = 500

Text = Annotated[str, QueryParameter(max_length=200)]


@get("/records", opt={"scope": READ}, security=[{"token": [READ]}], responses=faults())
@in_thread
def list_records(
    site: Site,
    caller: Caller,
    name: Text = "",
    tag: Text = "",
    auth_type: Text = "",
    grant: Text = "",
    record_state: Annotated[str, QueryParameter(name="state", max_length=200)] = "",
    after: Text = "",
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_LINES)] = 100,
) -> RecordsPage:
    """Records in the order of names. `name` is the beginning of a name; every filter that is given must hold."""
    wanted = Filter(name=name, tag=tag, auth_type=auth_type, grant=grant, state=record_state)
    found = site.records(caller.tenant, caller.actor).page(wanted, after=after, limit=limit)
    return RecordsPage(
        records=[line(one) for one in found.lines if caller.reaches(one.name)], next=found.after
    )


@post(
    "/records",
    opt={"scope": WRITE},
    security=[{"token": [WRITE]}],
    responses=faults(409, 413, 415, 422) | repeated(StoredRecordAnswer),
)
@in_thread
def create_record(
    site: Site, caller: Caller, data: JSONBody[dict[str, Any]], key: Key = ""
) -> Response[StoredRecordAnswer]:
    """Create a record. A record that holds a secret wants the scope `secrets:set` as well."""
    record = accepted(given(data, None), None, caller)
    _check(record, caller)
    records = site.records(caller.tenant, caller.actor)
    stored, made = once(site, caller, key, data, lambda: records.create(record).record.name, records.read)
    headers = {"location": f"/api/v1/records/{record.name}", "etag": etag(stored)}
    return Response(shown(stored), status_code=201 if made else 200, headers=headers)


@get("/records/{name:str}", opt={"scope": READ}, security=[{"token": [READ]}], responses=faults(404))
@in_thread
def read_record(site: Site, caller: Caller, name: FromPath[str]) -> Response[StoredRecordAnswer]:
    """A record without its secrets."""
    stored = read_for(site, caller, name)
    return Response(shown(stored), headers={"etag": etag(stored)})


@put(
    "/records/{name:str}",
    opt={"scope": WRITE},
    security=[{"token": [WRITE]}],
    responses=faults(404, 409, 412, 413, 415, 422, 428),
)
@in_thread
def change_record(
    site: Site, caller: Caller, name: FromPath[str], data: JSONBody[dict[str, Any]], if_match: IfMatch = ""
) -> Response[StoredRecordAnswer]:
    """Put a record in the place of a revision.

    A secret that the body leaves out stays as it is, and `null` clears it. Where the record would send its secrets
    elsewhere, they must be in the body, and the scope `secrets:set` is wanted.
    """
    stored = read_for(site, caller, name)
    revision = revision_of(if_match, stored)
    if data.get("name", name) != name:
        raise RecordFault(
            "the name in the body is not the name in the address.",
            field="name",
            hint="A record is renamed at the page.",
            code="name_conflict",
        )
    record = accepted(given(data, stored.record), stored.record, caller)
    _check(record, caller)
    changed = site.records(caller.tenant, caller.actor).update(name, record, revision=revision)
    site.opened.end(caller.tenant, name)
    return Response(shown(changed), headers={"etag": etag(changed)})


@delete(
    "/records/{name:str}",
    opt={"scope": WRITE},
    status_code=204,
    security=[{"token": [WRITE]}],
    responses=faults(404, 412),
)
@in_thread_for_provider
def delete_record(site: Site, caller: Caller, name: FromPath[str], if_match: IfMatch = "") -> None:
    """Delete a record, with its secrets and tokens; only a certain revision where `If-Match` names one.

    Its tokens are given back to a provider that takes them.
    """
    stored = read_for(site, caller, name)
    remove(site, caller, stored, revision=revision_of(if_match, stored) if if_match else None)


def read_for(site: Site, caller: Caller, name: str) -> StoredRecord:
    """The record, where the token reaches it. One that it does not reach is as one that is not there (N1)."""
    if not caller.reaches(name):
        raise unreachable(name)
    return site.records(caller.tenant, caller.actor).read(name)


def opened_for(site: Site, caller: Caller, name: str) -> Opened:
    """The same, opened a moment ago where nothing was changed since."""
    if not caller.reaches(name):
        raise unreachable(name)
    return site.opened.read(site.records(caller.tenant, caller.actor), caller.tenant, name)


def _check(record: Record, caller: Caller) -> None:
    """What the store demands beyond a document: destinations; and a name that the token may touch."""
    if not record.allowed_origins:
        fault = Fault(
            "allowed_origins", "is empty.", "Name the API's origin: the credential goes nowhere else."
        )
        raise DocumentFault((fault,), source="record")
    if not caller.reaches(record.name):
        raise RecordFault("the token does not reach a record of that name.", field="name", code="unreachable")


HANDLERS: Final = (list_records, create_record, read_record, change_record, delete_record)
