"""N18: schemathesis asks the API whatever its own description allows, and more, with three tokens.

No fault of the server, no answer that the description does not know, no secret in any answer.

AUTHRECORD_API_EXAMPLES=500 asks 45,000 times, in twenty minutes of one core. That found what five do not: the
description did not say that a repeated request with an idempotency key is answered 200, and that the name of a query
parameter may not be empty; no 5xx, no secret. A route ends at its first finding: `POST /records` was asked less.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import Failure as CheckFailed
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from authrecord.web.api.routes import HANDLERS, PREFIX
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer, stage

EXAMPLES = int(os.environ.get("AUTHRECORD_API_EXAMPLES", "5"))
"""Cases of each route and token."""

QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

TOKENS = {
    "reader": ("records:read",),
    "editor": ("records:read", "records:write", "secrets:set", "tokens:use"),
    "administrator": ("records:read", "records:write", "secrets:set", "tokens:use", "audit:read", "admin"),
}


BEYOND_A_SCHEMA = (
    r"a (?:space, a backslash|character outside printable ASCII|character that (?:a header|a cookie) must)",
    r"holds (?:a control character or a line break|a NUL character|a query|a user name|more than one)",
    r"is (?:not an absolute|plain http|missing|not a (?:header|cookie)'s name|not a signature algorithm|no )",
    r"may hold `\*` only",
    r"holds a character that no URL has",
    r"names a header that",
    r"begins like a reference",
    r"is not a name",
    r"is none, and Client Credentials is for clients that authenticate",
    r"(?:stands|comes|is there) twice",
    r"has a scheme that no callback has",
    r"cannot be read as a pattern",
)
"""What is wrong with a record that a JSON Schema allows: URLs, origins and references in their parts; characters of a
value that depend on where it is sent; fields that depend on another one; RE2; what stands twice in a list."""


ADDRESSES = re.compile(r"(^allowed_origins|^auth\.resource)\[|(^|[._])(url|issuer)$")
"""Where a record holds URLs and origins, of which a schema knows the beginning only."""


def is_beyond_a_schema(answer: Any) -> bool:
    """True for a refused record, every fault of which no schema can tell."""
    if answer.status_code != 422 or answer.json().get("code") != "document":
        return False
    others = [fault["detail"] for fault in answer.json()["errors"] if not ADDRESSES.search(fault["path"])]
    return all(any(re.search(one, fault) for one in BEYOND_A_SCHEMA) for fault in others)


ROUTES = sorted(
    f"{method} {PREFIX}{path.replace(':str', '')}"
    for handler in HANDLERS
    for path in handler.paths
    for method in handler.http_methods
)
"""Each route is a test of its own, so that none takes longer than a test may, however many cases are asked for."""


@pytest.fixture(scope="module")
def api(session_canary: Canary) -> Iterator[Stage]:
    """A server with a record in it."""
    with stage(session_canary) as made:
        made.put(bearer(session_canary))
        yield made


@pytest.fixture(scope="module")
def operations(api: Stage) -> dict[str, Any]:
    """Every operation of the description."""
    schema = schemathesis.openapi.from_dict(api.plain().get("/api/v1/openapi.json").json())
    schema.config.update(base_url=api.url)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {operation.label: operation for operation in found}


@pytest.fixture(scope="module")
def asked(record_testsuite_property: Callable[[str, object], None]) -> Iterator[Counter[str]]:
    """How often each token has asked: the report in JUnit's format tells it."""
    counted: Counter[str] = Counter()
    yield counted
    record_testsuite_property("api_requests", counted.total())


def test_N18_each_route_of_the_api_is_in_its_description(operations: dict[str, Any]) -> None:
    assert sorted(operations) == ROUTES


@pytest.mark.slow
@pytest.mark.timeout(280)
@pytest.mark.parametrize("who", TOKENS)
@pytest.mark.parametrize("route", ROUTES)
def test_N18_the_api_keeps_to_its_own_description(
    api: Stage,
    session_canary: Canary,
    operations: dict[str, Any],
    asked: Counter[str],
    route: str,
    who: str,
) -> None:
    """Every check, with what the description allows and with what it does not.

    A record that the description allows may be refused for what stands in `BEYOND_A_SCHEMA`, and for nothing else.
    """
    headers = {"authorization": f"Bearer {api.token(*TOKENS[who])}"}
    before = asked[who]

    def ask(case: Any) -> None:
        asked[who] += 1
        answer = case.call(headers=headers)
        session_canary.scan(answer.text, "answer")
        unsaid = [positive_data_acceptance] if is_beyond_a_schema(answer) else []
        if answer.status_code == 413:  # a refusal, whatever else is wrong or right with so long a body
            unsaid = [positive_data_acceptance, negative_data_rejection]
        try:
            case.validate_response(answer, headers=headers, excluded_checks=unsaid)
        except (CheckFailed, FailureGroup) as error:
            told = answer.json().get("errors", "") if answer.status_code == 422 else ""
            raise AssertionError(f"{told} {str(error)[:1500]}") from None

    for mode in GenerationMode:
        with suppress(Unsatisfiable):  # a route without any input has nothing that could be wrong
            asking = given(case=operations[route].as_strategy(generation_mode=mode))(ask)
            QUIET(asking)()
    assert asked[who] > before
