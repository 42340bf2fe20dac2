"""How the API reads a request: who asks, and JSON that means one thing only (attack rows N5, N9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final, get_type_hints

from litestar import Request
from litestar.datastructures import State
from litestar.params import QueryParameter

from ...core.errors import RecordFault
from ...stores.sql.api_tokens import ApiToken
from ..editing import Forbidden
from ..rights import Caller, Who
from ..site import Site
from ..threads import in_thread

MOST_DEEP: Final = 32
WHILE_AWAY: Final = "while_away"
"""Stands in the options of a route that answers who was let in within the last minute while the database is away."""

_BEARER: Final = "bearer "


class Unauthorized(RecordFault):
    """There is no live API token."""

    code = "unauthorized"


class JsonRequest(Request[Any, Any, State]):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        """The body. Raises `RecordFault` (code `bad_json`)."""
        return strict_json(await self.body())


def strict_json(body: bytes) -> Any:
    """`body` as JSON: no key twice, no `NaN`, no endless number, not nested deeply. `None` for no body."""
    if not body:
        return None
    fault = RecordFault("the body is not JSON that is read here.", code="bad_json")
    try:
        text = body.decode("utf-8")
        data = json.loads(
            text, object_pairs_hook=_once, parse_constant=_refused, parse_int=_number, parse_float=_number
        )
        _check_depth(data, MOST_DEEP)
    except (ValueError, RecursionError):
        pass  # the fault below says all that may be said: the library's own error holds the body
    else:
        return data
    raise fault


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError
    return data


def _refused(_: str) -> Any:
    raise ValueError


def _number(text: str) -> float | int:
    if len(text) > 32:
        raise ValueError
    number = float(text)
    if abs(number) > 1e15:
        raise ValueError
    return int(text) if text.lstrip("-").isdigit() else number


def _check_depth(data: Any, left: int) -> None:
    if left == 0:
        raise ValueError
    if isinstance(data, dict):
        for value in data.values():
            _check_depth(value, left - 1)
    elif isinstance(data, list):
        for value in data:
            _check_depth(value, left - 1)
    elif isinstance(data, str):
        data.encode("utf-8")  # half a character would be no text later on


async def caller_of(request: Request[Any, Any, State], site: Site) -> Caller:
    """The program that asks, which has the scope that the route wants.

    Raises `Unauthorized`, `Forbidden`, and `RecordFault` (code `bad_query`) for a query that the route does not
    know: a filter that is misspelt would show everything.
    """
    text = bearer_of(request.headers.get("authorization", ""))
    options = request.route_handler.opt
    found = site.api_tokens.peek(text) or await in_thread(_found)(site, text, WHILE_AWAY in options)
    if found is None:
        raise Unauthorized(
            "there is no live API token in the request.", hint="Send it as `Authorization: Bearer ar_…`."
        )
    caller = who_of(found)
    scope = options["scope"]
    if not caller.may(scope):
        raise Forbidden(f"The token has not the scope {scope}.", scope=scope)
    known = queries_of(request.route_handler.fn)
    if not known.issuperset(request.query_params.keys()):
        raise RecordFault(
            "the address holds a query that is not known here.",
            hint=f"Known: {', '.join(sorted(known)) or 'none'}.",
            code="bad_query",
        )
    return caller


def _found(site: Site, text: str, while_away: bool) -> ApiToken | None:
    def ask() -> ApiToken | None:
        return site.api_tokens.find(text)

    return site.away.either(ask, lambda: site.api_tokens.recent(text)) if while_away else ask()


@cache
def queries_of(handler: Callable[..., Any]) -> frozenset[str]:
    """The names of the query parameters that a handler takes."""
    return frozenset(
        told.name or name
        for name, hint in get_type_hints(handler, include_extras=True).items()
        for told in getattr(hint, "__metadata__", ())
        if isinstance(told, QueryParameter)
    )


def bearer_of(header: str) -> str:
    """The token in a value of `Authorization`; empty where there is none."""
    return header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""


def who_of(found: ApiToken) -> Who:
    """A token as a caller."""
    return Who(
        kind="token",
        identity=found.identity,
        name=found.label,
        tenant=found.tenant,
        scopes=found.scopes,
        records=found.records,
    )
