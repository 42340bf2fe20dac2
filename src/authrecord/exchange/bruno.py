"""Bruno's own files: one request, folder or collection in the .bru language.

Source: packages/bruno-lang/v2 of usebruno/bruno. `~` before a name switches a line off. One file knows nothing of the
files around it, so `auth: inherit` is told, not followed. Bruno's YAML is `opencollection`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .authentication import (
    AUTHORIZATION,
    CREDENTIALS,
    EXCHANGE,
    REFRESH,
    USAGE,
    Auth,
    auth_of,
    basic_or_raw,
    bearer,
    keyed,
    parameter,
)
from .draft import Imported, name_from, refused
from .gathering import only
from .headers import auth_of_header, credentials_in
from .values import Variables, origin_text, shown

_BLOCK: Final = re.compile(r"([a-z][a-z0-9:_-]{0,100}) *([{\[])")
_METHODS: Final = frozenset("get post put patch delete head options trace connect http graphql".split())
_GRANTS: Final = {
    "authorization_code": "authorization_code",
    "implicit": "implicit",
    "password": "password",
    "client_credentials": "client_credentials",
}
_PLACES: Final = {"headers": "header", "queryparams": "query", "body": "body"}
_ADDITIONAL: Final = "auth:oauth2:additional_params:"
_REQUESTS: Final = {"auth_req": AUTHORIZATION, "access_token_req": EXCHANGE, "refresh_token_req": REFRESH}

Blocks = Mapping[str, Mapping[str, str]]
"""Every block of a file by its name, with its lines."""


def is_bru(text: str) -> bool:
    """True for text in the .bru language: it begins with a block of its own."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    found = _BLOCK.fullmatch(first.rstrip())
    return found is not None and (
        found[1] in _METHODS
        or found[1].partition(":")[0] in {"meta", "auth", "vars", "headers", "docs", "script"}
    )


def read(text: str) -> Imported:
    """The draft in a .bru file. Raises `DocumentFault` when there is nothing to take."""
    blocks = blocks_of(text)
    request = next((lines for name, lines in blocks.items() if name in _METHODS), {})
    variables = Variables(blocks.get("vars:pre-request", {}).items())
    mode = request.get("auth") or blocks.get("auth", {}).get("mode") or "none"
    name = blocks.get("meta", {}).get("name", "")
    found = _read(mode, blocks, variables)
    if isinstance(found, str):
        pairs = [(key, variables.filled(value)) for key, value in blocks.get("headers", {}).items()]
        read_headers = [auth_of_header(header) for header in credentials_in(pairs)]
        found = next((one for one in read_headers if not isinstance(one, str)), found)
    if isinstance(found, str):
        raise refused("holds nothing that a record can be made of.", found)
    address = str(variables.filled(request.get("url", "")))
    origin = origin_text(address)
    return only(name_from(name, "bruno"), "Bruno file", [(found, [origin] if origin else [])], ())


def blocks_of(text: str) -> dict[str, dict[str, str]]:
    """The blocks of a file. A block ends at a bracket in the first column; text inside it is indented."""
    blocks: dict[str, dict[str, str]] = {}
    lines = iter(text.splitlines())
    for line in lines:
        opening = _BLOCK.fullmatch(line.rstrip())
        if opening is None:
            continue
        inside: list[str] = []
        for inner in lines:
            if inner.rstrip() in ("}", "]"):
                break
            inside.append(inner)
        blocks.setdefault(opening[1], _pairs(inside))
    return blocks


def _pairs(lines: list[str]) -> dict[str, str]:
    """The `key: value` lines that are switched on; a value in `'''` goes over several lines."""
    pairs: dict[str, str] = {}
    rest = iter(lines)
    for line in rest:
        key, colon, value = line.strip().partition(":")
        value = value.strip()
        if value == "'''":
            several = []
            for more in rest:
                if more.strip() == "'''":
                    break
                several.append(more.removeprefix("    "))
            value = "\n".join(several)
        if colon and not key.startswith("~"):
            pairs.setdefault(key.strip().strip('"'), value)
    return pairs


def _read(mode: str, blocks: Blocks, variables: Variables) -> Auth | str:
    if mode == "inherit":
        return "Its authentication is inherited: take folder.bru or collection.bru of its folder."
    if mode == "none":
        return "It says that nothing is authenticated."
    values = {key: variables.filled(value) for key, value in blocks.get(f"auth:{mode}", {}).items()}
    if mode == "bearer":
        return bearer(values.get("token"))
    if mode == "apikey":
        place = "query" if values.get("placement") == "queryparams" else "header"
        return keyed(values.get("key"), values.get("value"), place)
    if mode == "oauth2":
        return oauth2(values, _parameters(blocks, variables))
    return f"It authenticates by {shown(mode)}: no kind of record does that."


def oauth2(values: Mapping[str, Any], parameters: Mapping[str, list[dict[str, object]]]) -> Auth | str:
    """The `auth` of Bruno's OAuth 2.0 values, by the names that .bru files use. `parameters`: by our group."""
    grant = _GRANTS.get(str(values.get("grant_type")))
    if grant is None:
        return "An OAuth 2.0 block of a grant that authrecord does not have was left out."
    notes = ["State: left out. A new one is made for each login."] if values.get("state") else []
    basic = (
        values.get("credentials_placement") == "basic_auth_header"
    )  # Bruno takes anything else for the body
    by_header = basic_or_raw(values.get("client_id"), values.get("client_secret"))
    in_url = values.get("token_placement") in ("url", "query")
    refresh = values.get("refresh_token_url")
    mapped: dict[str, object] = {
        AUTHORIZATION + "url": values.get("authorization_url"),
        AUTHORIZATION + "callback_url": values.get("callback_url"),
        AUTHORIZATION + "scope": values.get("scope"),
        AUTHORIZATION + "parameters": parameters.get(AUTHORIZATION),
        CREDENTIALS + "client_id": values.get("client_id"),
        CREDENTIALS + "client_secret": values.get("client_secret"),
        CREDENTIALS + "username": values.get("username"),
        CREDENTIALS + "password": values.get("password"),
        EXCHANGE + "url": values.get("access_token_url"),
        EXCHANGE + "scope": values.get("scope"),
        EXCHANGE + "client_authentication": by_header if basic else "body",
        EXCHANGE + "parameters": parameters.get(EXCHANGE),
        USAGE + "add_to": "query" if in_url else "header",
        USAGE + "header_prefix": values.get("token_header_prefix"),
        USAGE + "header_name": values.get("token_header_name"),
        USAGE + "query_name": values.get("token_query_key"),
        USAGE + "token": "id_token" if values.get("token_source") == "id_token" else "access_token",
        REFRESH + "url": None if refresh == values.get("access_token_url") else refresh,
        REFRESH + "parameters": parameters.get(REFRESH),
    }
    return auth_of("oauth2", mapped, grant=grant, notes=notes)


def _parameters(blocks: Blocks, variables: Variables) -> dict[str, list[dict[str, object]]]:
    """The lines of the blocks `auth:oauth2:additional_params:REQUEST:PLACE`, by our group."""
    found: dict[str, list[dict[str, object]]] = {}
    for name, lines in blocks.items():
        request, _, place = name.removeprefix(_ADDITIONAL).partition(":")
        if not name.startswith(_ADDITIONAL) or request not in _REQUESTS:
            continue
        found.setdefault(_REQUESTS[request], []).extend(
            parameter(key, variables.filled(value), _PLACES.get(place)) for key, value in lines.items()
        )
    return found
