"""Which faults a route may answer with, for the OpenAPI document; and what comes twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter

from ...core.errors import RecordFault
from ..rights import Caller
from ..site import Site
from .shapes import Problem

WORDS: Final = {
    400: "The body is not JSON that is read here, or the answer is not this login's.",
    401: "There is no live API token.",
    403: "The token has not the scope, or the credential may not go there.",
    404: "The tenant has no such thing, or the token does not reach it.",
    409: "The name is taken, the key came with another request, or a person must log in first.",
    412: "The record has changed meanwhile.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The record or the request is not right; `errors` names every fault.",
    424: "The provider refused, or answered what cannot be used.",
    428: "The request must say which revision it changes.",
    429: "Too many attempts.",
    503: "The provider or the store is away: try later.",
}

Key: TypeAlias = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        required=False,
        max_length=200,
        pattern="^[ -~]*$",
        description="The same request with the same key makes nothing twice; kept for a day.",
    ),
]
IfMatch: TypeAlias = Annotated[
    str,
    HeaderParameter(name="If-Match", required=False, description="The ETag of the revision that is changed."),
]


def faults(*statuses: int) -> dict[int, ResponseSpec]:
    """Problem documents for `statuses` and for those that any route has."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=WORDS[status],
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in sorted({400, 401, 403, 503, *statuses})
    }


def repeated(answer: type) -> dict[int, ResponseSpec]:
    """What the same request with the same idempotency key is answered with the second time."""
    words = "The same request came before, with this key: what it made then."
    return {200: ResponseSpec(data_container=answer, description=words, generate_examples=False)}


def once(
    site: Site,
    caller: Caller,
    key: str,
    request: object,
    make: Callable[[], str],
    find: Callable[[str], Any],
) -> tuple[Any, bool]:
    """What the request made, and whether it was made now. `make` gives the name of it, `find` the thing of a name.

    Raises `RecordFault` (code `in_progress`) while the same request still runs.
    """
    if not key:
        return find(make()), True
    told = json.dumps(request, sort_keys=True, default=str).encode()
    made = site.repeats.made(caller.tenant, caller.actor, key, told)
    if made == "":
        raise RecordFault("the same request still runs.", field="Idempotency-Key", code="in_progress")
    if made is not None:
        return find(made), False
    try:
        name = make()
    except BaseException:
        site.repeats.forget(caller.tenant, caller.actor, key)
        raise
    site.repeats.note(caller.tenant, caller.actor, key, name)
    return find(name), True
