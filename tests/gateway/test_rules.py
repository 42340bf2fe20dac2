"""Which rule decides about a request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authrecord.core.origin import allowed_origins, origin_of
from authrecord.gateway.rules import AmbiguousPath, Rule, Rules

API = origin_of("https://api.example.com")


def rule(*records: str, origin: str = "https://api.example.com", path: str = "/", methods: str = "") -> Rule:
    return Rule(
        records=records,
        origins=allowed_origins([origin]),
        path=path,
        methods=frozenset(methods.split()),
    )


def records_for(
    rules: Rules, path: str = "/", method: str = "GET", url: str = "https://api.example.com"
) -> object:
    found = rules.for_origin(origin_of(url)).first_that_fits(path, method)
    return None if found is None else found.records


def test_the_first_rule_that_fits_decides_by_origin_path_and_method() -> None:
    rules = Rules(
        [
            rule("admin", path="/v1/admin"),
            rule("writer", methods="POST PUT"),
            rule("reader", "tenant"),
            rule("below", origin="https://*.example.com"),
        ]
    )
    assert records_for(rules, "/v1/admin/users") == ("admin",)
    assert records_for(rules, "/v1/admin") == ("admin",)
    assert records_for(rules, "/v1/administrators") == ("reader", "tenant")
    assert records_for(rules, "/v1", "POST") == ("writer",)
    assert records_for(rules, url="https://other.example.com") == ("below",)
    assert records_for(rules, url="https://api.example.org") is None
    assert records_for(rules, url="http://api.example.com") is None
    assert rules.records == ("admin", "writer", "reader", "tenant", "below")


AMBIGUOUS = (
    "/v1/../admin",
    "/v1/%2e%2e/admin",
    "/v1/%2E./admin",
    "/v1%2fadmin",
    "/v1\\admin",
    "/v1%5Cadmin",
    "//v1",
    "/v1/./x",
    "/v1/..",
    "/v1;x/admin",
    "/v1%00",
    "/%61dmin",
    "/%252e%252e/admin",
    "/v1#/admin",
    "/v1\x80",
)


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_O7_a_path_that_servers_read_differently_is_refused_where_a_rule_depends_on_it(path: str) -> None:
    with pytest.raises(AmbiguousPath):
        records_for(Rules([rule("admin", path="/admin"), rule("reader")]), path)


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_where_no_rule_depends_on_the_path_every_path_passes(path: str) -> None:
    assert records_for(Rules([rule("reader")]), path) == ("reader",)


@pytest.mark.parametrize("path", ["/v1/a%20b", "/v1/x.y..z", "/v1/%C3%A9", "/v1/a:b@c", "/v1/...", "/v1/~x"])
def test_an_unambiguous_path_with_odd_characters_is_compared(path: str) -> None:
    assert records_for(Rules([rule("one", path="/v1/")]), path) == ("one",)


PATHS = ["/", "/v1", "/v1/", "/v1/a", "/v1/a/b", "/v10", "/v2", "/v1/a/b/c/d", "/a"]
METHODS = ["GET", "POST", "DELETE"]


@settings(deadline=None)
@given(
    wanted=st.lists(
        st.tuples(st.sampled_from(PATHS), st.sets(st.sampled_from(METHODS), max_size=2)), max_size=8
    ),
    path=st.sampled_from(PATHS),
    method=st.sampled_from([*METHODS, "PATCH"]),
)
def test_the_index_finds_what_a_walk_through_the_rules_finds(
    wanted: list[tuple[str, set[str]]], path: str, method: str
) -> None:
    all_rules = [
        rule(f"r{number}", path=where, methods=" ".join(methods))
        for number, (where, methods) in enumerate(wanted)
    ]
    walked = next((one.records for one in all_rules if one.fits(path, method)), None)
    assert records_for(Rules(all_rules), path, method) == walked


class Counted(str):
    """A path that counts how often it is cut."""

    __slots__ = ()
    looks = 0

    def find(self, *where: Any) -> int:
        Counted.looks += 1
        return super().find(*where)


def test_one_path_of_ten_thousand_rules_is_found_without_walking_them_all() -> None:
    many = Rules(rule(f"r{number}", path=f"/tenants/{number}") for number in range(10_000))
    assert records_for(many, "/tenants/9999/orders") == ("r9999",)
    assert records_for(many, "/tenants/99999") is None
    assert records_for(many, Counted("/tenants/9999" + "/x" * 5000)) == ("r9999",)
    assert Counted.looks <= 3


def test_names_below_a_name_share_what_was_made_of_ten_thousand_rules() -> None:
    many = Rules(
        rule(f"r{number}", origin="https://*.example.com", path=f"/tenants/{number}")
        for number in range(10_000)
    )
    assert records_for(many, "/tenants/17", url="https://a.b.example.com") == ("r17",)
    first, second = (many.for_origin(origin_of(f"https://{name}.example.com")) for name in "ab")
    assert first is second
    assert len(many.for_origin(origin_of("https://example.com"))) == 0


def test_one_origin_of_ten_thousand_rules_is_found_without_walking_them_all() -> None:
    rules = Rules(rule(f"r{number}", origin=f"https://h{number}.example.com") for number in range(10_000))
    assert records_for(rules, url="https://h9999.example.com") == ("r9999",)
    assert len(rules.for_origin(origin_of("https://h17.example.com"))) == 1
