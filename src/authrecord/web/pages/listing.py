"""The list of records: search, filters, and what is done to several at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromQuery, QueryParameter
from markupsafe import Markup

from ...core.errors import RecordFault
from ...doctor.words import ago
from ...documents import write
from ...documents.formats import Format
from ...keeper.ports import Filter, Summary
from ...record import AUTH_TYPES, GRANT_CHOICES
from ..journal import Act, Entry
from ..rights import READ, USE, WRITE, Caller
from ..site import Site
from ..states import DAY, STATES, TICKS, kind_words, segments_of, stated, strip, ticks_of
from ..threads import in_thread
from .common import HtmlRequest, Typed, moved, page, part, wants_part

PAGE_LINES: Final = 50
MOST_AT_ONCE: Final = 500

KINDS: Final = (
    ("", "Every kind"),
    *((kind.type, kind.label) for kind in AUTH_TYPES if kind.type != "oauth2"),
    *((f"oauth2/{choice.key}", choice.label) for choice in GRANT_CHOICES),
)
"""The kinds as chips."""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of the list as it is drawn."""

    name: str
    tags: tuple[str, ...]
    kind: str
    origins: tuple[str, ...]
    state: str
    words: str
    reason: str
    life: Markup
    used: str


@get("/", opt={"scope": READ})
@in_thread
def show_home(caller: Caller) -> Response[str]:
    """The list is home."""
    return moved("/records")


@get("/records", opt={"scope": READ})
@in_thread
def show_list(
    request: HtmlRequest,
    site: Site,
    caller: Caller,
    name: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    shown_state: Annotated[str, QueryParameter(name="state")] = "",
    kind: FromQuery[str] = "",
    after: FromQuery[str] = "",
) -> Response[str]:
    """A page of the list; only its lines where htmx asks."""
    auth_type, _, grant = kind.partition("/")
    wanted = Filter(name=name[:100], tag=tag[:100], auth_type=auth_type, grant=grant, state=shown_state)
    found = site.records(caller.tenant, caller.actor).page(wanted, after=after[:200], limit=PAGE_LINES)
    values: dict[str, Any] = {
        "lines": _lines(site, caller, found.lines),
        "after": found.after,
        "query": urlencode({"name": name, "tag": tag, "state": shown_state, "kind": kind}),
        "filtered": wanted != Filter(),
        "may_write": caller.may(WRITE),
    }
    if wants_part(request) and "hx-history-restore-request" not in request.headers:
        return part("parts/rows.html", **values)
    states = [("", "Every state"), *STATES.items()]
    return page(
        request,
        site,
        "records.html",
        caller=caller,
        room="records",
        filter=wanted,
        kind=kind,
        states=states,
        kinds=KINDS,
        **values,
    )


@post("/bulk", opt={"scope": WRITE})
@in_thread
def change_many(site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """Tag, export, or forget the tokens of the chosen records."""
    names = typed.all("record")[:MOST_AT_ONCE]
    what = typed.one("what")
    records = site.records(caller.tenant, caller.actor)
    if what == "export":
        stored = [records.read(name) for name in names]
        told = [
            Entry("record.export", "ok", record=one.identity, name=one.record.name, detail="without secrets")
            for one in stored
        ]
        site.journal.note(caller, *told)
        text = write([one.record for one in stored], format=Format.YAML).text
        headers = {"content-disposition": 'attachment; filename="records.yaml"'}
        return Response(text, media_type="text/plain", headers=headers, status_code=200)
    if what == "tag":
        _tag(site, caller, names, typed.one("tag").strip())
    elif what == "forget":
        if not caller.may(USE):
            raise RecordFault("your role does not let you forget tokens.", field="what")
        keeper = site.keeper(caller.tenant)
        for name in names:
            keeper.forget(records.read(name).record)
    return moved("/records")


def _tag(site: Site, caller: Caller, names: list[str], tag: str) -> None:
    from ...documents import checked

    if not tag:
        raise RecordFault("name the tag to add.", field="tag")
    records = site.records(caller.tenant, caller.actor)
    for name in names:
        stored = records.read(name)
        if tag not in stored.record.tags:
            tagged = checked(replace(stored.record, tags=(*stored.record.tags, tag)))
            records.update(name, tagged, revision=stored.revision)


def _lines(site: Site, caller: Caller, found: Iterable[Summary]) -> list[ShownLine]:
    """The lines as they are drawn, with the last 24 hours of each in one look at the log."""
    now = site.clock.time()
    shown = [one for one in found if caller.reaches(one.name)]
    obtaining = [one.name for one in shown if one.state != "static"]
    acts = site.journal.acts(caller.tenant, obtaining, TICKS, since=now - DAY)
    return [_line(one, acts.get(one.name, []), now) for one in shown]


def _line(one: Summary, acts: list[Act], now: float) -> ShownLine:
    told = stated(one, now)
    return ShownLine(
        name=one.name,
        tags=one.tags,
        kind=kind_words(one.auth_type, one.grant),
        origins=one.origins,
        state=told.state,
        words=told.words,
        reason=told.reason,
        life=_life(one, acts, now),
        used=ago(one.used_at, now),
    )


def _life(one: Summary, acts: list[Act], now: float) -> Markup:
    """The last 24 hours of an OAuth record; nothing for a static one, which has no tokens."""
    if one.state == "static":
        return Markup("")
    ticks = ticks_of(acts)
    segments = segments_of(ticks, one.live_until, now)
    drawing = strip(segments, ticks, begin=now - DAY, end=now, width=96, height=16, name="Last 24 hours")
    return Markup(drawing)  # noqa: S704 - built of numbers and fixed words, see `states.strip`


HANDLERS = (show_home, show_list, change_many)
