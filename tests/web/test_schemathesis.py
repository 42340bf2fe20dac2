"""N18: schemathesis asks the API whatever its own description allows, and more, with three tokens.

No fault of the server, no answer that the description does not know, no secret in any answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
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
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer, stage

EXAMPLES = int(os.environ.get("AUTHRECORD_API_EXAMPLES", "6"))
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


@pytest.fixture(scope="module")
def api(session_canary: Canary) -> Iterator[Stage]:
    """A server with a record in it."""
    with stage(session_canary) as made:
        made.put(bearer(session_canary))
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("who", TOKENS)
def test_N18_the_api_keeps_to_its_own_description(api: Stage, session_canary: Canary, who: str) -> None:
    """Every check but one, on every route, with what the description allows and with what it does not.

    Left out is "valid data should have been accepted": a JSON Schema cannot say all that the rules of a record say
    (RE2 patterns, origins, control characters, fields that depend on each other), and such a record gets 422.
    """
    schema = schemathesis.openapi.from_dict(api.plain().get("/api/v1/openapi.json").json())
    schema.config.update(base_url=api.url)
    headers = {"authorization": f"Bearer {api.token(*TOKENS[who])}"}
    found: dict[str, str] = {}
    asked = 0

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        answer = case.call(headers=headers)
        session_canary.scan(answer.text, "answer")
        try:
            case.validate_response(answer, headers=headers, excluded_checks=[positive_data_acceptance])
        except (CheckFailed, FailureGroup) as error:
            found.setdefault(case.operation.label, str(error)[:1500])

    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        for mode in GenerationMode:
            with suppress(Unsatisfiable):  # a route without any input has nothing that could be wrong
                asking = given(case=operation.as_strategy(generation_mode=mode))(ask)
                QUIET(asking)()
    assert asked > 50
    assert not found, "\n".join(f"{route}: {words}" for route, words in found.items())
