"""Errors: sorted by what the caller does next, they cross process boundaries, and carry no secret of themselves."""

from __future__ import annotations

import copy
import pickle

import pytest

from authrecord.core.errors import (
    AuthrecordError,
    BadAnswer,
    DocumentFault,
    Fault,
    LoginFailed,
    LoginRequired,
    Misconfigured,
    OriginRefused,
    RecordFault,
    Refused,
    StoreFault,
    TryLater,
)

ERRORS = (
    RecordFault("m", field="a.b", hint="h"),
    DocumentFault((Fault("records[0].name", "is empty", "Give one.", 3), Fault("x", "y")), source="f.yaml"),
    OriginRefused("m", field="allowed_origins"),
    Misconfigured("m", field="auth.credentials", code="invalid_client"),
    LoginRequired("m", hint="h"),
    LoginFailed("m", code="not_ours"),
    Refused("m", error="invalid_grant", description="d", status=400),
    BadAnswer("m", code="not_json"),
    TryLater("m", retry_after=3.0, outcome_unknown=True),
    StoreFault("m"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_P20_every_error_pickles_and_copies_with_all_it_says(error: AuthrecordError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
        assert twin.code == error.code


def test_every_error_of_the_core_is_tested_here() -> None:
    """Not those of the page, whose errors stay in its process, nor what tests make: they are loaded with a suite."""

    def below(kind: type[AuthrecordError]) -> set[type[AuthrecordError]]:
        return {kind, *(one for child in kind.__subclasses__() for one in below(child))}

    ours = {one for one in below(AuthrecordError) if one.__module__ == AuthrecordError.__module__}
    assert ours - {AuthrecordError} == {type(error) for error in ERRORS}


def test_a_document_fault_shows_every_fault_with_its_line() -> None:
    text = str(ERRORS[1])
    assert "f.yaml: 2 faults" in text
    assert "line 3: records[0].name: is empty Give one." in text
    assert "\n  x: y" in text
