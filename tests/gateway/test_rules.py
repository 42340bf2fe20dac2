"""Which rule decides about a request."""

from __future__ import annotations

import pytest

from authrecord.core.origin import allowed_origins, origin_of
from authrecord.gateway.rules import AmbiguousPath, Rule, Rules, first_that_fits

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
    found = first_that_fits(rules.for_origin(origin_of(url)), path, method)
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


def test_one_origin_of_ten_thousand_rules_is_found_without_walking_them_all() -> None:
    rules = Rules(rule(f"r{number}", origin=f"https://h{number}.example.com") for number in range(10_000))
    assert records_for(rules, url="https://h9999.example.com") == ("r9999",)
    assert len(rules.for_origin(origin_of("https://h17.example.com"))) == 1
