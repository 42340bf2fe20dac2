"""Start from something: an issuer's address, or a record as a document, fills in the form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, post

from ...core.errors import AuthrecordError, RecordFault
from ...core.secret import Reference, Secret
from ...documents import read, warnings_of
from ...documents.formats import Format
from ...documents.plain import mapping_of
from ...grants.discovery import discover
from ...keeper.run import run
from ...record import Record
from ..form_view import field_of, labels
from ..rights import WRITE, Caller
from ..site import Site
from ..threads import in_thread_for_provider
from .common import Typed, html, said

LONGEST_PASTE: Final = 200_000


@post("/discover", opt={"scope": WRITE})
@in_thread_for_provider
def start_from(site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """What an issuer's metadata, or a pasted document, says: values for the form, and words about them."""
    text = typed.one("text").strip()[:LONGEST_PASTE]
    try:
        values, lines, words = (
            _issuer(site, text) if text.startswith(("https://", "http://")) else _document(text)
        )
    except AuthrecordError as error:
        return html(_notice("bad", said(error)))
    told = json.dumps({"understood": {"values": values, "lines": lines}})
    answer = html(_notice("good", words))
    answer.headers["HX-Trigger"] = told.encode("ascii", "backslashreplace").decode()
    return answer


def _issuer(site: Site, text: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The URLs that an issuer publishes."""
    issuer = text.split(maxsplit=1)[0]
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
    words = (
        f"Filled in: {', '.join(told)}.{more} Choose the grant type, and enter the client's ID and secret."
    )
    return values, {}, words


def _document(text: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The first record of a pasted document. Secrets in it are not sent back: they are entered again."""
    records = _records(text)
    data = mapping_of(records[0])
    values: dict[str, Any] = {}
    lines: dict[str, Any] = {}
    left_out: list[str] = []
    _flatten(data, "", values, lines, left_out)
    words = f"Understood record {records[0].name}."
    if len(records) > 1:
        words += f" The document holds {len(records) - 1} more; `authrecord import` takes them all."
    if left_out:
        known = labels()
        words += (
            f" Enter its secrets by hand: {', '.join(known.get(field_of(path), path) for path in left_out)}."
        )
    words += "".join(f" {warning}" for warning in warnings_of(records[0])[:2])
    return values, lines, words


def _records(text: str) -> tuple[Record, ...]:
    first: RecordFault | None = None
    if not text:
        raise RecordFault("there is nothing to read.", hint="Paste an issuer's URL, or a record.")
    for one in (Format.JSON,) if text.startswith(("{", "[")) else (Format.YAML, Format.TOML):
        try:
            records = read(text, format=one)
        except RecordFault as fault:
            first = first or fault
        else:
            if records:
                return records
    raise first or RecordFault("the document holds no record.")


def _flatten(
    data: Mapping[str, Any], path: str, values: dict[str, Any], lines: dict[str, Any], left_out: list[str]
) -> None:
    for key, value in data.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            _flatten(value, here, values, lines, left_out)
        elif isinstance(value, Secret):
            left_out.append(here)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines[here] = [_shown_line(one) for one in value]
            left_out += [
                f"{here}[{number}].value"
                for number, one in enumerate(value)
                if isinstance(one["value"], Secret)
            ]
        elif isinstance(value, list):
            values[here] = ("\n" if key == "allowed_origins" else ", ").join(value)
        else:
            values[here] = str(value) if isinstance(value, Reference) else value


def _shown_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of a list without its secret."""
    return {
        name: "" if isinstance(item, Secret) else str(item) if isinstance(item, Reference) else item
        for name, item in line.items()
    }


def _notice(tone: str, words: str) -> str:
    from markupsafe import escape

    return f'<div class="notice {tone}"><p>{escape(words)}</p></div>'


HANDLERS = (start_from,)
