"""One record: its form, what it will send, saving it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from ...core.errors import DocumentFault, Fault, RecordFault
from ...documents import write
from ...documents.formats import Format
from ...documents.plain import mapping_of
from ...keeper.ports import StoredRecord
from ...record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record
from ..authorizing import callback_of
from ..drawing import drawn, slug
from ..editing import AGAIN, accepted, changes
from ..form_view import FormView, labels
from ..previewing import preview
from ..removing import remove
from ..rights import READ, REVEAL, SET, USE, WRITE, Caller
from ..site import Site
from ..submitted import submitted
from ..threads import in_thread, in_thread_for_provider
from ..trying import METHODS
from ..whole_form import whole_form
from .authorize import attempt_values, summary_of
from .common import HtmlRequest, Typed, gone_to, html, moved, page, part, read_record, wants_part

CALLBACK: Final = "auth.authorization.callback_url"


@get("/new", opt={"scope": WRITE})
@in_thread
def show_new(request: HtmlRequest, site: Site, caller: Caller) -> Response[str]:
    """An empty form."""
    return _record_page(request, site, caller, None)


@get("/records/{name:str}", opt={"scope": READ})
@in_thread
def show_record(request: HtmlRequest, site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """A record's page."""
    return _record_page(request, site, caller, read_record(site, caller, name))


@post("/new", opt={"scope": WRITE})
@in_thread
def create_record(request: HtmlRequest, site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """Save a new record."""
    try:
        record = accepted(submitted(typed.pairs), None, caller)
        _check_destinations(record)
        site.records(caller.tenant, caller.actor).create(record)
    except RecordFault as fault:
        return _refused(fault)
    return _gone(request, f"/records/{record.name}")


@post("/records/{name:str}", opt={"scope": WRITE})
@in_thread
def save_record(
    request: HtmlRequest, site: Site, caller: Caller, typed: Typed, name: FromPath[str]
) -> Response[str]:
    """Save a change, made from the revision that the form was drawn with."""
    stored = read_record(site, caller, name)
    try:
        record = accepted(submitted(typed.pairs, stored.record), stored.record, caller)
        _check_destinations(record)
        revision = typed.one(":revision")
        site.records(caller.tenant, caller.actor).update(
            name, record, revision=int(revision) if revision.isdecimal() else 0
        )
    except RecordFault as fault:
        return _refused(fault)
    site.opened.end(caller.tenant, name)
    return _gone(request, f"/records/{record.name}")


@post("/preview", opt={"scope": READ})
@in_thread
def show_preview(site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """What the form as it stands would send, and what has changed in it. Nothing is saved."""
    name = typed.one(":name")
    stored = read_record(site, caller, name) if name else None
    given = submitted(typed.pairs, None if stored is None else stored.record)
    callback = callback_of(site.address.base, "…" if stored is None else stored.identity)
    return part(
        "parts/preview.html",
        preview=preview(given.data, callback=callback),
        changed=_changed(stored, given.data, given.kept),
        labels=_labelled,
    )


@post("/records/{name:str}/delete", opt={"scope": WRITE})
@in_thread_for_provider
def delete_record(site: Site, caller: Caller, typed: Typed, name: FromPath[str]) -> Response[str]:
    """Leave nothing of the record behind, and give its tokens back to a provider that takes them."""
    stored = read_record(site, caller, name)
    revision = typed.one(":revision")
    remove(site, caller, stored, revision=int(revision) if revision.isdecimal() else None)
    return moved("/records")


@get("/records/{name:str}/export", opt={"scope": READ})
@in_thread
def export_record(site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """The record as a document, without its secrets."""
    text = write([read_record(site, caller, name).record], format=Format.YAML).text
    headers = {"content-disposition": f'attachment; filename="{name}.yaml"'}
    return Response(text, media_type="text/plain", headers=headers)


def _record_page(
    request: HtmlRequest, site: Site, caller: Caller, stored: StoredRecord | None
) -> Response[str]:
    record = None if stored is None else stored.record
    own = callback_of(site.address.base, "…" if stored is None else stored.identity)
    extras = {CALLBACK: f"In this page an empty one stands for {own}: register that at the provider."}
    view = FormView(stored, may_set=caller.may(SET), may_reveal=caller.may(REVEAL), extras=extras)
    values: dict[str, Any] = {}
    if stored is not None:
        values = attempt_values(site, caller, stored, summary_of(site, caller, stored))
    auth = None if record is None else record.auth
    return page(
        request,
        site,
        "record.html",
        caller=caller,
        room="records",
        name="" if record is None else record.name,
        stored=stored,
        view=view,
        groups=_in_order(),
        types=_types(),
        grants=GRANT_CHOICES,
        may_write=caller.may(WRITE),
        methods=METHODS,
        origins=[] if record is None else [one for one in record.allowed_origins if "*" not in one],
        has_exchange=isinstance(auth, OAuth2) and auth.grant != "implicit",
        mac="Mac" in request.headers.get("user-agent", ""),
        **({"may_use": caller.may(USE)} | values),
    )


def _in_order() -> list[Any]:
    """The groups: those of the auth types follow the choice of the type."""
    return list(whole_form())


def _types() -> list[dict[str, str]]:
    """The auth types as cards, with the words of their own forms."""
    about = {group.types[0]: group.group.help for group in whole_form() if group.group.path == "auth"}
    return [{"type": kind.type, "label": kind.label, "help": about[kind.type]} for kind in AUTH_TYPES]


def _check_destinations(record: Record) -> None:
    """The store demands that a record says where its credential may go."""
    if not record.allowed_origins:
        fault = Fault(
            "allowed_origins", "is empty.", "Name the API's origin: the credential goes nowhere else."
        )
        raise DocumentFault((fault,), source="record")


def _refused(fault: RecordFault) -> Response[str]:
    """Every fault at its field; what has no field above the button."""
    faults = (
        fault.faults if isinstance(fault, DocumentFault) else (Fault(fault.field, fault.message, fault.hint),)
    )
    known = labels()
    at_fields: dict[str, str] = {}
    others: list[str] = []
    for one in faults:
        path, line = _slot(one.path)
        words = f"{line}{one.message} {one.hint}".strip()
        words = words[:1].upper() + words[1:]
        if path in known and slug(path) not in at_fields:
            at_fields[slug(path)] = words
        elif path in known:
            at_fields[slug(path)] += f" {words}"
        else:
            others.append(f"{one.path}: {words}" if one.path else words)
    count = len(at_fields)
    wanting = "field wants" if count == 1 else "fields want"
    message = f"Not saved. {count} {wanting} attention." if count else "Not saved."
    hint = ""
    if fault.code == "stale":
        hint = "Somebody else has saved this record meanwhile. Open it in a second tab, and enter your change again."
    elif any(one.message == AGAIN for one in faults):
        hint = "You changed where this record's secrets go, so they must be entered again."
    text = drawn(
        "parts/saved.html",
        {"at_fields": list(at_fields.items()), "others": others, "message": message, "hint": hint},
    )
    return html(text, status=409 if fault.code in {"stale", "exists"} else 422)


def _slot(path: str) -> tuple[str, str]:
    """The field that has a place for an error, and which line of it is meant."""
    before, bracket, behind = path.partition("[")
    if not bracket:
        return path, ""
    number, _, rest = behind.partition("]")
    where = f"Line {int(number) + 1}{rest.replace('.', ' ')}: " if number.isdecimal() else ""
    return before, where


def _changed(stored: StoredRecord | None, data: Mapping[str, Any], kept: tuple[str, ...]) -> str:
    """What a save would change, by the labels of the fields."""
    if stored is None:
        return ""
    before = mapping_of(stored.record)
    paths = [one.path for one in changes(before, data)]
    if not paths:
        return "Nothing changed yet."
    known = labels()
    words = list(dict.fromkeys(known.get(path, path) for path in paths))
    told = ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")
    again = (
        " Secrets must be entered again, since they would go elsewhere."
        if kept and _moves(stored, data)
        else ""
    )
    return f"Changed: {told}.{again}"


def _moves(stored: StoredRecord, data: Mapping[str, Any]) -> bool:
    """True when what is typed sends secrets elsewhere. What is not complete yet moves nothing."""
    from ...documents import destination_digest, records_from

    try:
        (record,) = records_from(dict(data))
    except DocumentFault:
        return False
    return destination_digest(record) != destination_digest(stored.record)


def _labelled(path: str) -> str:
    return labels().get(_slot(path)[0], path)


def _gone(request: HtmlRequest, to: str) -> Response[str]:
    return gone_to(to) if wants_part(request) else moved(to)


HANDLERS = (
    show_new,
    show_record,
    create_record,
    save_record,
    show_preview,
    delete_record,
    export_record,
)
