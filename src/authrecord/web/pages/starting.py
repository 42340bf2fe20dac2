"""Start from something: an issuer's address, a record, or what another tool has, fills in the form.

Secrets of the text go back into the masked fields of the form that it was pasted beside, and nowhere else: nothing is
kept here, and the answer is stored by nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from litestar import Response, post

from ...core.errors import AuthrecordError, DocumentFault, RecordFault
from ...core.secret import Reference, Secret
from ...documents import warnings_of
from ...documents.plain import mapping_of
from ...exchange.document import read_document
from ...exchange.draft import Draft, Imported
from ...exchange.recognize import read
from ...grants.discovery import discover
from ...keeper.run import run
from ...record import AUTH_TYPES, GRANT_CHOICES, Record
from ..form_view import field_of, labels
from ..rights import WRITE, Caller
from ..site import Site
from ..threads import in_thread_for_provider
from .common import Typed, part, said

LONGEST_PASTE: Final = 500_000
"""Characters; what is larger has its own command."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What the form is filled with. `whole`: with a record, so that what was typed before makes room.

    `choices`: the drafts to choose from, each with a word about it; `chosen`: which of them this is.
    """

    words: str
    tone: str = "good"
    notes: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[str, Any] = field(default_factory=dict, repr=False)
    whole: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    chosen: int | None = None

    @property
    def told(self) -> str:
        """What the script of the form takes out of the answer."""
        if not self.values:
            return ""
        return json.dumps({"values": self.values, "lines": self.lines, "whole": self.whole})


@post("/discover", opt={"scope": WRITE})
@in_thread_for_provider
def start_from(site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """What an issuer's metadata, or a pasted text, says: values for the form, and words about them."""
    text = typed.one("text").strip()
    try:
        is_address = text.startswith(("https://", "http://"))
        found = _issuer(site, text) if is_address else _pasted(text, typed.one("choice"))
    except AuthrecordError as error:
        found = Understood(said(error), tone="bad")
    return part("parts/understood.html", found=found)


def _issuer(site: Site, text: str) -> Understood:
    """The URLs that an issuer publishes."""
    issuer = text[:LONGEST_PASTE].split(maxsplit=1)[0]
    for ending in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        issuer = issuer.removesuffix(ending)
    found = run(discover(issuer), site.sender)
    values: dict[str, Any] = {"auth.type": "oauth2", "auth.issuer": found.issuer}
    told = ["issuer"]
    for path, value, words in (
        ("auth.authorization.url", found.authorization_endpoint, "Authorization URL"),
        ("auth.token_exchange.url", found.token_endpoint, "Access Token URL"),
    ):
        if value:
            values[path] = value
            told.append(words)
    more = f" It offers these scopes: {', '.join(found.scopes[:20])}." if found.scopes else ""
    return Understood(
        f"Filled in: {', '.join(told)}.{more} Choose the grant type, and enter the client's ID and secret.",
        values=values,
    )


def _pasted(text: str, choice: str) -> Understood:
    """The record of a pasted text; where it holds several, the chosen one, or the question which."""
    if not text:
        raise RecordFault(
            "there is nothing to read.", hint="Paste an issuer's URL, a curl command, or a record."
        )
    if len(text) > LONGEST_PASTE:
        hint = "Put it into a file, and use `authrecord import`."
        raise RecordFault(f"this is longer than {LONGEST_PASTE:,} characters.", hint=hint)
    imported = read(text) or _document(text)
    drafts = imported.drafts
    several = tuple((one.name, _kind(one)) for one in drafts) if len(drafts) > 1 else ()
    number = int(choice) if choice.isdecimal() and len(choice) < 9 else -1
    if several and number not in range(len(drafts)):
        words = f"The {imported.format} holds {len(drafts)} records. Choose one."
        return Understood(words, notes=imported.notes, choices=several)
    number = number if several else 0
    draft = drafts[number]
    values: dict[str, Any] = {}
    lines: dict[str, Any] = {}
    _flatten(draft.data, "", values, lines)
    words = f"Filled in from the {imported.format}: {draft.name}."
    if draft.missing:
        known = labels()
        words += f" Still to fill in: {', '.join(known.get(field_of(path), path) for path in draft.missing)}."
    return Understood(
        words,
        notes=(*draft.notes, *imported.notes, *_warnings(draft)),
        values=values,
        lines=lines,
        whole=True,
        choices=several,
        chosen=number,
    )


def _document(text: str) -> Imported:
    """The records of a document."""
    return Imported("document", tuple(_draft(record) for record in read_document(text)))


def _draft(record: Record) -> Draft:
    return Draft(mapping_of(record))


def _kind(draft: Draft) -> str:
    """What a choice is told by beside its name: kind, and the first host."""
    auth = draft.data["auth"]
    words = [kind.label for kind in AUTH_TYPES if kind.type == auth["type"]]
    words += [choice.label for choice in GRANT_CHOICES if choice.key == auth.get("grant")]
    return ", ".join([*words, *draft.data.get("allowed_origins", [])[:1]])


def _warnings(draft: Draft) -> tuple[str, ...]:
    """What documents say about the record, where it is one already."""
    try:
        record = draft.record()
    except DocumentFault:
        return ()  # what is missing has been told
    return tuple(str(warning) for warning in warnings_of(record, sealed=True))


def _flatten(data: Mapping[str, Any], path: str, values: dict[str, Any], lines: dict[str, Any]) -> None:
    """The values of a record by the names of the form's fields."""
    for key, value in data.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            _flatten(value, here, values, lines)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines[here] = [{name: _typed(item) for name, item in line.items()} for line in value]
        elif isinstance(value, list):
            values[here] = ("\n" if key == "allowed_origins" else ", ").join(value)
        else:
            values[here] = _typed(value)


def _typed(value: Any) -> Any:
    """A value as the person who pasted it would type it into their own form."""
    if isinstance(value, Secret):
        return value.reveal()
    return str(value) if isinstance(value, Reference) else value


HANDLERS = (start_from,)
