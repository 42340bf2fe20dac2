"""Which route a request gets, and what is remembered of that."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.origin import allowed_origins, origin_of
from authrecord.gateway.refusals import Refusal
from authrecord.gateway.routes import LONGEST_REMEMBERED, MOST_REMEMBERED, Destination, Table
from authrecord.gateway.rules import _AMBIGUOUS, _PLAIN, Rule, Rules
from authrecord.record import Record
from authrecord.wiring import Records, Settings, make_keeper, memory_store

API = origin_of("https://api.example.com")
OTHER = origin_of("https://other.example.com")


@pytest.fixture
def records(bearer: Callable[..., Record]) -> Records:
    keeper = make_keeper(Settings.read({}), base=Path("/"), store=memory_store())
    return Records({name: bearer(str(API), name) for name in ("first", "second")}, keeper)


def rule(name: str, path: str = "/", methods: str = "", origin: str = "https://*.example.com") -> Rule:
    return Rule(
        records=(name,), origins=allowed_origins([origin]), path=path, methods=frozenset(methods.split())
    )


def table_of(records: Records, *rules: Rule) -> Table:
    return Table(Rules(rules), records.authenticator)


def names(there: Destination, target: bytes, method: bytes = b"GET") -> tuple[str, ...]:
    return there.route(method, target).records


def test_a_path_that_was_asked_for_finds_the_same_route_again_by_method_and_without_its_query(
    records: Records,
) -> None:
    there = Destination(table_of(records, rule("first", "/v1", "POST"), rule("second")), API)
    for _ in range(2):
        assert names(there, b"/v1/x") == ("second",)
        assert names(there, b"/v1/x", b"POST") == ("first",)
        assert names(there, b"/v1/x?a=/v2", b"POST") == ("first",)
        assert names(there, b"/v2?a=/v1", b"POST") == ("second",)
    assert there.route(b"GET", b"/v1/x") is there.route(b"GET", b"/v1/x?b")
    assert there.usual is None


def test_what_is_remembered_of_one_origin_is_not_used_for_another(records: Records) -> None:
    table = table_of(records, rule("first", "/v1"), rule("second"))
    assert names(Destination(table, API), b"/v1") == ("first",)
    with pytest.raises(Refusal) as refused:
        names(Destination(table, OTHER), b"/v1")  # the rules speak of it, and the record does not allow it
    assert refused.value.status == 403


def test_O7_an_ambiguous_path_is_refused_however_often_it_is_asked_for(records: Records) -> None:
    there = Destination(table_of(records, rule("first", "/v1"), rule("second")), API)
    for _ in range(3):
        with pytest.raises(Refusal) as refused:
            there.route(b"GET", b"/v2/../v1")
        assert refused.value.code == "ambiguous_path"


def test_a_scanner_does_not_fill_the_memory_with_its_paths(records: Records) -> None:
    table = table_of(records, rule("first", "/v1"), rule("second"))
    there = Destination(table, API)
    for number in range(MOST_REMEMBERED + 10):
        there.route(b"GET", b"/scan/%d" % number)
    assert 0 < len(table.remembered) <= MOST_REMEMBERED
    before = len(table.remembered)
    there.route(b"GET", b"/" + b"x" * LONGEST_REMEMBERED)
    there.route(b"X" * LONGEST_REMEMBERED, b"/y")
    assert len(table.remembered) == before
    assert names(there, b"/v1/x") == ("first",)


def test_a_table_that_nobody_uses_any_more_is_gone_without_the_collector(records: Records) -> None:
    table = table_of(records, rule("first", "/v1"), rule("second"))
    there = Destination(table, API)
    there.route(b"GET", b"/v1/x")
    gone = weakref.ref(there.route(b"GET", b"/v1/x").authenticators[0])
    gc.disable()
    try:
        del there, table
        assert gone() is None
    finally:
        gc.enable()


def test_one_rule_for_everything_is_the_usual_route(records: Records) -> None:
    table = table_of(records, rule("first"), rule("second", "/v1"))
    there = Destination(table, API)
    assert names(there, b"/v1/../x") == ("first",)
    assert there.usual is there.route(b"POST", b"/v1")
    assert table.remembered == {}


def test_a_rule_for_everything_that_is_refused_stays_refused(records: Records) -> None:
    there = Destination(table_of(records, rule("first")), OTHER)
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            there.route(b"GET", b"/")
        assert refused.value.status == 403
    assert there.usual is None


@given(path=st.text(alphabet="/.%a2eEfF5~;#\\-_ \x80", max_size=12).map("/".__add__))
def test_a_plain_path_is_never_an_ambiguous_one(path: str) -> None:
    assert not (_PLAIN.fullmatch(path) and _AMBIGUOUS.search(path))


@pytest.mark.parametrize("path", ["/orders", "/v1/orders/123-4_5~6/", "/a.b/c..d", "/v1/x." + "y" * 200])
def test_usual_paths_are_plain(path: str) -> None:
    assert _PLAIN.fullmatch(path)
    assert re.fullmatch(r"[^%;#]+", path)
