"""The checker finds what it is there for: each history here is a good one with one thing forged into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .checker import Rules, violations
from .figures import figures
from .history import Event, Journal, fingerprint, read

CLAIM_SECONDS = 8.0
RULES = Rules(strict=frozenset({"strict-0"}), claim_seconds=CLAIM_SECONDS, audited=True)

History = list[Event]


def pair(number: int) -> dict[str, Any]:
    return {"access": f"access-{number}", "refresh": f"refresh-{number}"}


def renewal(record: str, number: int, at: float, who: str = "worker.1") -> History:
    """The `number`-th pair is exchanged for the next one, which becomes generation `number + 1`."""
    about: dict[str, Any] = {"record": record, "presented": f"refresh-{number}"}
    return [
        Event("send", who, at, **about),
        Event("issued", "provider", at + 0.1, **about, **pair(number + 1)),
        Event("answer", who, at + 0.2, began=at, detail="200", **about),
        Event("settled", who, at + 0.4, began=at + 0.3, record=record, generation=number + 1, **pair(number + 1)),
        Event(
            "got", who, at + 0.5, began=at, record=record, generation=number + 1, access=f"access-{number + 1}",
            detail="t0",
        ),
    ]  # fmt: skip


def good(record: str = "rough-0") -> History:
    """Three renewals of one record and all that belongs to them."""
    history = [Event("login", "provider", 1.0, record=record, **pair(1))]
    for number in (1, 2, 3):
        history += renewal(record, number, number * 10.0)
        history.append(
            Event(
                "observed", "conductor", number * 10.0 + 6, began=number * 10.0 + 5, record=record,
                generation=number + 1, **pair(number + 1),
            )
        )  # fmt: skip
    last: dict[str, Any] = {"record": record, "generation": 4, **pair(4)}
    return [
        *history,
        Event("asked", "conductor", 50.0, began=49.0, **last),
        Event("final", "conductor", 52.0, began=51.0, **last),
        Event("audited", "conductor", 53.0, record=record, number=3),
    ]


def again(*, sender: str = "other.1", at: float = 20.3, detail: str = "") -> History:
    """The second pair's refresh token is presented once more, and its answer is the one that is saved."""
    about: dict[str, Any] = {"record": "rough-0", "presented": "refresh-2"}
    return [
        Event("send", sender, at, **about),
        Event(
            "issued", "provider", at + 0.01, access="access-3b", refresh="refresh-3b", detail=detail, **about
        ),
    ]


def without(history: History, kind: str, nth: int) -> History:
    """All but the `nth` event of a kind."""
    chosen = [event for event in history if event.kind == kind][nth]
    return [event for event in history if event is not chosen]


def changed(history: History, kind: str, nth: int, **how: Any) -> History:
    """The `nth` event of a kind is another."""
    chosen = [event for event in history if event.kind == kind][nth]
    return [replace(event, **how) if event is chosen else event for event in history]


def silent_about(kind: str) -> Callable[[History], History]:
    """Leaves out all events of a kind."""
    return lambda history: [event for event in history if event.kind != kind]


@pytest.mark.parametrize("record", ["rough-0", "strict-0"])
def test_a_good_history_has_no_fault(record: str) -> None:
    assert violations(good(record), RULES) == []


FORGED: dict[str, tuple[str, Callable[[History], History]]] = {
    "a refresh token presented twice": ("I-1", lambda history: history + again()),
    "a reuse that the provider detected": (
        "I-1",
        lambda history: [
            *history,
            Event("refused", "provider", 30.5, record="rough-0", presented="refresh-9", detail="reuse"),
        ],
    ),
    "a repeat after its sender was stopped for less than a claim": (
        "I-1",
        lambda history: [
            *without(history, "settled", 1),
            *again(at=21.5),
            Event("stopped", at=20.05, detail="worker.1"),
        ],
    ),
    "a repeat after another process was killed": (
        "I-1",
        lambda history: without(history, "settled", 1) + again() + [Event("killed", at=20.05, detail="third.1")],
    ),
    "a repeat after its sender was killed long before": (
        "I-1",
        lambda history: without(history, "settled", 1) + again() + [Event("killed", at=5.0, detail="worker.1")],
    ),
    "a repeat after its sender had saved and was killed": (
        "I-1",
        lambda history: history + again(at=21.0) + [Event("killed", at=20.9, detail="worker.1")],
    ),
    "a generation saved twice": (
        "I-2",
        lambda history: changed(history, "settled", 1, generation=2, **pair(2)),
    ),
    "a generation saved after a higher one": (
        "I-2",
        lambda history: changed(history, "settled", 2, at=14.0, began=13.0),
    ),
    "a store that goes back": (
        "I-2",
        lambda history: changed(history, "observed", 2, generation=2, **pair(2)),
    ),
    "an acknowledged token that the store lost": (
        "acknowledged token lost",
        lambda history: changed(history, "final", 0, generation=3, **pair(3)),
    ),
    "a caller that goes back": (
        "I-3",
        lambda history: changed(history, "got", 2, generation=2, access="access-2"),
    ),
    "a record that does not serve in the end": (
        "I-4",
        lambda history: [
            *without(history, "asked", 0),
            Event("unasked", at=50.0, record="rough-0", detail="login_required"),
        ],
    ),
    "nobody asked in the end but a command during the race": (
        "I-4",
        lambda history: changed(history, "asked", 0, detail="command"),
    ),
    "a caller who was sent to log in": (
        "I-4",
        lambda history: [*history, Event("failed", "worker.1", 31.0, record="rough-0", detail="t0 login_required")],
    ),
    "a store that holds an older pair than the last": (
        "I-5",
        lambda history: history + [event for event in renewal("rough-0", 4, 46.0) if event.kind in {"send", "issued"}],
    ),
    "a renewal without its row in the audit log": (
        "I-6",
        lambda history: changed(history, "audited", 0, number=2),
    ),
    "two rows for one renewal": ("I-6", lambda history: changed(history, "audited", 0, number=4)),
    "a pair of two generations": ("torn", lambda history: changed(history, "observed", 1, refresh="refresh-2")),
    "a token of nobody": ("not issued", lambda history: changed(history, "got", 1, access="access-99")),
    **{
        f"no `{kind}`": (f"holds no `{kind}`", silent_about(kind))
        for kind in ("login", "issued", "settled", "got", "observed", "final", "audited")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_what_was_forged_into_a_history_is_found(name: str) -> None:
    expected, forge = FORGED[name]
    found = violations(forge(good()), RULES)
    assert any(expected in fault for fault in found), found


def test_an_empty_history_proves_nothing() -> None:
    assert violations([], RULES)


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("its answer was lost", []),
        ("its sender was killed", [Event("killed", at=20.25, began=20.15, detail="worker.1")]),
        (
            "its sender gave up waiting",
            [
                Event(
                    "answer",
                    "worker.1",
                    20.2,
                    began=20.0,
                    record="rough-0",
                    presented="refresh-2",
                    detail="unknown",
                )
            ],
        ),
        ("its sender was stopped for a claim", [Event("stopped", at=20.15, detail="worker.1")]),
        (
            "its sender could not save for a claim",
            [Event("unsaved", "worker.1", 20.4, record="rough-0", access="access-3", refresh="refresh-3")],
        ),
    ],
)
def test_a_repeat_is_allowed_while_the_outcome_is_unknown(why: str, events: History) -> None:
    """The first answer came to nothing; the second one is saved as the third generation."""
    begin = good()
    lost = "lost" if why == "its answer was lost" else ""
    story = [event for event in begin if event.at < 20.0 or event.at >= 30.0]
    at = 20.3 if lost or "killed" in why or "gave up" in why else 20.0 + CLAIM_SECONDS
    saved: dict[str, Any] = {"access": "access-3b", "refresh": "refresh-3b"}
    story += [
        Event("send", "worker.1", 20.0, record="rough-0", presented="refresh-2"),
        Event("issued", "provider", 20.1, record="rough-0", presented="refresh-2", detail=lost, **pair(3)),
        *again(at=at),
        Event("settled", "other.1", at + 0.4, began=at + 0.3, record="rough-0", generation=3, **saved),
        *events,
    ]
    story = [
        replace(event, presented="refresh-3b") if event.presented == "refresh-3" else event for event in story
    ]
    assert violations(story, RULES) == []
    strict = [replace(event, record="strict-0") if event.record else event for event in story]
    assert any("I-1" in fault for fault in violations(strict, RULES))


def test_of_two_answers_in_the_grace_either_may_be_kept() -> None:
    """The one who was thought dead saved after all; the other's answer is younger and is dropped."""
    history = [
        *without(good(), "settled", 2),
        Event("killed", at=30.15, began=30.12, detail="worker.1"),
        Event("send", "other.1", 30.2, record="rough-0", presented="refresh-3"),
        Event(
            "issued", "provider", 30.3, record="rough-0", presented="refresh-3", access="a-4b", refresh="r-4b"
        ),
    ]
    assert violations(history, RULES) == []


def test_an_open_intent_excuses_the_last_pair() -> None:
    history = good() + [
        event for event in renewal("rough-0", 4, 46.0) if event.kind in {"send", "issued"}
    ]  # the process died before it could save
    assert violations(changed(history, "final", 0, detail="intent"), RULES) == []


def test_the_last_line_of_a_killed_process_may_be_torn(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "worker.jsonl", "worker.1")
    journal.note("got", record="rough-0", generation=7)
    journal.close()
    with (tmp_path / "worker.jsonl").open("ab") as file:
        file.write(b'{"kind":"got","gener')
    events = read(tmp_path)
    assert [(event.kind, event.who, event.generation) for event in events] == [("got", "worker.1", 7)]


def test_fingerprints_are_equal_for_equal_secrets_and_tell_nothing_else() -> None:
    assert fingerprint("one secret") == fingerprint("one secret") != fingerprint("another")
    assert "secret" not in fingerprint("one secret")
    assert fingerprint("") == ""


def test_figures_count_what_happened() -> None:
    history = [
        *good(),
        *again(),
        Event("unwell", "provider", 22.0, record="rough-0", presented="refresh-2"),
        Event("refused", "provider", 23.0, record="rough-0", presented="refresh-2", detail="reuse"),
        Event("killed", at=24.0, detail="worker.1"),
        Event("cut", at=25.0, detail="machine-1 blackhole"),
        Event("failed", "worker.1", 26.0, record="rough-0", detail="t0 store_away"),
        Event("counted", "worker.1", 27.0, number=12, detail="token"),
    ]
    found = figures(history, ["rough-0: acknowledged token lost: …"])
    assert (found.expiries, found.token_requests, found.repeated, found.unwell) == (3, 6, 2, 1)
    assert (found.reuse_detected, found.lost, found.calls) == (1, 1, 12)
    assert found.deeds == (("blackhole", 1), ("killed", 1))
    assert found.failures == (("store_away", 1),)
    assert "| reuse detected | 1 |" in found.table()
