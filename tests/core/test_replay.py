"""The method policy: what may be sent a second time."""

from __future__ import annotations

import pytest

from authrecord.core.replay import Outcome, Reason, ReplayPolicy, refusal_to_replay


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "get"])
def test_H1_a_safe_method_is_replayed_whatever_the_status(method: str) -> None:
    for status in (200, 302, 401, 500):
        assert refusal_to_replay(method, status, body_replayable=True, policy=ReplayPolicy.NEVER) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_H2_an_unsafe_method_is_replayed_after_a_refusal_only(method: str) -> None:
    for status in (400, 401, 403):
        assert refusal_to_replay(method, status, body_replayable=True, policy=ReplayPolicy.ON_REFUSAL) is None
        refused = refusal_to_replay(method, status, body_replayable=True, policy=ReplayPolicy.NEVER)
        assert refused is Reason.METHOD_NOT_REPLAYED


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_H3_an_unsafe_method_is_not_replayed_after_an_answer_that_only_says_expired(method: str) -> None:
    for status in (200, 302, 500):
        refused = refusal_to_replay(method, status, body_replayable=True, policy=ReplayPolicy.ON_REFUSAL)
        assert refused is Reason.METHOD_NOT_REPLAYED
        assert refusal_to_replay(method, status, body_replayable=True, policy=ReplayPolicy.ALWAYS) is None


def test_H4_a_body_that_is_gone_is_never_sent_again() -> None:
    for policy in ReplayPolicy:
        assert (
            refusal_to_replay("GET", 401, body_replayable=False, policy=policy) is Reason.BODY_NOT_REPLAYABLE
        )


def test_an_outcome_reads_as_a_sentence() -> None:
    outcome = Outcome("orders", Reason.RENEWAL_FAILED, detail="the provider answered 503")
    assert str(outcome) == f"orders: {Reason.RENEWAL_FAILED.value} (the provider answered 503)"
