"""The ledger sees what is lost: a check that cannot fail proves nothing."""

from __future__ import annotations

from tests.soak.ledger import Ledger, Received


def test_an_answer_that_arrives_is_neither_lost_nor_open() -> None:
    ledger = Ledger()
    ledger.gave(1, good=False)
    ledger.gave(1, good=True)
    assert ledger.open == 1
    ledger.received(1, Received(200, 1))
    assert (ledger.answered, ledger.open, ledger.refused_by_api, ledger.faults) == (1, 0, 1, [])


def test_an_answer_that_the_api_gave_and_the_client_did_not_get_is_lost() -> None:
    ledger = Ledger()
    for number, received in enumerate((Received(502, code="upstream_failed"), Received(0), Received(401))):
        ledger.gave(number, good=True)
        ledger.received(number, received)
    assert (ledger.lost, len(ledger.faults)) == (3, 3)
    assert ledger.expired_shown == 0


def test_an_expired_answer_that_a_client_sees_is_a_fault_and_a_refusal_of_the_gateway_is_counted() -> None:
    ledger = Ledger()
    ledger.gave(1, good=False)
    ledger.received(1, Received(401))
    ledger.received(2, Received(502, code="store_away"))
    ledger.received(3, Received(0))
    assert (ledger.expired_shown, len(ledger.faults)) == (1, 1)
    assert dict(ledger.by_gateway) == {"store_away": 1, "connection broke": 1}


def test_the_answer_of_another_request_is_mixed_up_and_a_second_one_counted() -> None:
    ledger = Ledger()
    ledger.gave(1, good=True)
    ledger.gave(2, good=True)
    ledger.gave(2, good=True)
    ledger.received(1, Received(200, 2))
    ledger.received(2, Received(200, 2))
    ledger.received(3, Received(200, 3))
    assert (ledger.mixed_up, ledger.given_twice, len(ledger.faults)) == (2, 1, 2)
