"""Many rules about paths of one origin: a tree finds what a walk through the rules finds, in Envoy as in values."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.envoy.by_path import EVERY_PATH, FEW, Step, found_by_path
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import AmbiguousPath, OwnCredential, Rule, Rules, Unmatched
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from tests.canary_watch import Canary
from tests.gateway.envoy.stage import Make, request_for
from tests.gateway.stage import Caller, Taken, Told, Upstream

METHODS = ("GET", "POST", "DELETE")
SEGMENTS = ("v1", "v10", "v1-a", "v1.a", "a", "A", "b~", "users")
END = Step(EVERY_PATH, ({"name": "end"},), ends=True)


def step(name: object, path: str) -> Step:
    """One rule's route, which says which it is."""
    return Step(path, ({"name": name},))


def lists_of(steps: Iterable[Step]) -> dict[str, list[Any]]:
    """The names in each list of the tree, by its prefix; the one of no prefix under ``."""
    by_path = found_by_path([], [*steps, END])["matcher"]["on_no_match"]["matcher"]
    found = {"": by_path["on_no_match"], **by_path["matcher_tree"]["prefix_match_map"]["map"]}
    return {
        prefix: [route["name"] for route in leads["action"]["typed_config"]["routes"]]
        for prefix, leads in found.items()
    }


def test_each_of_many_rules_stands_in_a_list_of_its_own() -> None:
    lists = lists_of(step(number, f"/tenants/{number}") for number in range(1000))
    assert lists.pop("") == ["end"]
    assert lists == {f"/tenants/{number}": [number, "end"] for number in range(1000)}


def test_a_list_has_the_rules_above_it_and_those_for_every_path_in_their_place() -> None:
    many = [step(number, f"/other/{number}") for number in range(FEW)]
    steps = [
        step("deep", "/v1/a"), step("always", "/"), step("v1", "/v1"), step("v1/", "/v1/"), step("v10", "/v10"),
    ]  # fmt: skip
    lists = lists_of([*many, *steps])
    assert lists["/v1/a"] == ["deep", "always", "v1", "v1/", "end"]
    assert lists["/v1/"] == ["always", "v1", "v1/", "end"]
    assert lists["/v1"] == ["always", "v1", "end"]
    assert lists["/v10"] == ["always", "v10", "end"]
    assert lists[""] == ["always", "end"]


def test_few_rules_and_paths_that_nest_deeply_stay_in_a_list() -> None:
    few = [step(number, f"/{number}") for number in range(FEW)]
    deep = [step(number, "/a" * number) for number in range(1, 200)]
    for steps in (few, deep):
        found = found_by_path([], [*steps, END])
        assert found == {"routes": [route for one in (*steps, END) for route in one.routes]}


def test_nothing_stands_behind_a_rule_for_everything() -> None:
    many = [step(number, f"/{number}") for number in range(FEW + 1)]
    whole = Step(EVERY_PATH, ({"name": "whole"},), ends=True)
    lists = lists_of([*many, whole, step("late", "/late")])
    assert lists["/0"] == [0, "whole"]
    assert "/late" not in lists
    assert found_by_path([], [whole, *many, END]) == {"routes": [{"name": "whole"}]}


PATHS = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
SPREAD = [f"/spread/{number}" for number in range(FEW + 1)]


@settings(deadline=None)
@given(
    paths=st.lists(PATHS | PATHS.map(lambda path: path + "/"), max_size=12),
    always=st.integers(0, 12),
    asked=PATHS,
    slash=st.booleans(),
)
def test_the_longest_prefix_leads_to_the_rules_that_fit(
    paths: list[str], always: int, asked: str, slash: bool
) -> None:
    """Every rule that fits a path is there, in order; those that do not are sorted out by their matches."""
    paths.insert(always, EVERY_PATH)
    lists = lists_of(step(number, path) for number, path in enumerate([*paths, *SPREAD]))
    asked += "/" * slash
    reached = lists[max((prefix for prefix in lists if asked.startswith(prefix)), key=len)]
    names = [number for number in reached if number != "end"]
    origins = allowed_origins(["https://api.example.com"])
    fit = [
        number
        for number, path in enumerate(paths)
        if Rule(records=(), origins=origins, path=path).fits(asked, "GET")
    ]
    assert [number for number in names if number in fit] == fit
    assert names == sorted(names)


def echo(taken: Taken) -> bytes:
    """An answer that holds the credential."""
    body = ",".join(taken.values("x-api-key")).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def some_rules(chance: random.Random, url: str) -> list[Rule]:
    """Rules about nested paths with methods and own credentials, and two for every path among them."""

    def rule(number: int, path: str, methods: Iterable[str]) -> Rule:
        own = chance.choice(list(OwnCredential))
        return Rule(
            records=(f"r{number}",),
            origins=allowed_origins([url]),
            path=path,
            methods=frozenset(methods),
            own_credential=own,
        )

    places = [f"/{one}{rest}" for one in SEGMENTS for rest in ("", "/", *(f"/{two}" for two in SEGMENTS))]
    places += [f"/v1/a/{one}" for one in SEGMENTS]
    chance.shuffle(places)
    rules = [
        rule(number, path, chance.sample(METHODS, chance.choice((0, 0, 1, 2))))
        for number, path in enumerate(places[:70])
    ]
    rules.insert(20, rule(100, "/", ["DELETE"]))
    rules.insert(40, rule(101, "/", ["POST"]))
    return rules


def some_requests(chance: random.Random) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """Methods, targets and further lines."""
    ends = ("", "", "", "/", "?x", "?x=/../y", "/?x", "x", "/x", "/../a", "//", "%2e", "/c;x")
    for _ in range(250):
        segments = chance.choices(SEGMENTS, k=chance.randint(0, 3))
        lines = tuple(line for line in ("X-Api-Key: own", "X-Authrecord-Bypass: 1") if chance.random() < 0.2)
        method = chance.choice((*METHODS, *METHODS, "PUT", "TRACE"))
        yield method, "/" + "/".join(segments) + chance.choice(ends), lines


@pytest.fixture
def keys(canary: Canary) -> Callable[[str, Iterable[Rule]], dict[str, Record]]:
    """Makes the records of rules, for an origin."""

    def make(url: str, rules: Iterable[Rule]) -> dict[str, Record]:
        return {
            name: Record(
                name=name,
                allowed_origins=(url,),
                auth=ApiKey(key="X-API-Key", value=Secret(canary(f"key of {name}"))),
            )
            for rule in rules
            for name in rule.records
        }

    return make


def value_of(record: Record) -> str:
    """The key of such a record."""
    assert isinstance(record.auth, ApiKey)
    assert isinstance(record.auth.value, Secret)
    return record.auth.value.reveal()


def expected(rules: Rules, url: str, method: str, target: str, lines: tuple[str, ...]) -> str:
    """The status, or the record whose key arrives, or `own`, by the rules as the embedded gateway reads them."""
    own = "own" if "X-Api-Key: own" in lines else ""
    try:
        rule = rules.for_origin(origin_of(url)).first_that_fits(target.partition("?")[0], method)
    except AmbiguousPath:
        return "400"
    if "X-Authrecord-Bypass: 1" in lines:
        return own
    if method == "TRACE":
        return "405"
    if rule is None:
        return own if rules.unmatched is Unmatched.PASS else "404"
    if own and rule.own_credential is not OwnCredential.REPLACE:
        return own if rule.own_credential is OwnCredential.KEEP else "403"
    return rule.records[0]


def raw(method: str, target: str, lines: tuple[str, ...], host: str = "localhost") -> bytes:
    """Such a request."""
    return request_for(method, target, *lines).replace(b"Host: localhost", b"Host: " + host.encode())


@pytest.mark.parametrize("unmatched", Unmatched)
def test_O7_O18_envoy_finds_what_the_embedded_gateway_finds_among_many_paths(
    upstream: Callable[..., Upstream],
    envoy: Make,
    keys: Callable[[str, Iterable[Rule]], dict[str, Record]],
    unmatched: Unmatched,
) -> None:
    chance = random.Random(f"paths {unmatched}")
    api = upstream(reply=echo)
    rules = Rules(some_rules(chance, api.url), unmatched=unmatched)
    records = keys(api.url, rules.all)
    through = envoy(api.url, *records.values(), rules=rules, proxy=Listen("127.0.0.1", 0))
    assert through.engine.files.listeners.read_text().count("prefix_match_map") == 3  # one inside of tunnels
    by_value = {value_of(record): name for name, record in records.items()}

    def meaning(told: Told) -> str:
        found = told.body.decode()
        return by_value.get(found, found) if told.status == 200 else str(told.status)

    asked = list(some_requests(chance))
    wanted = [expected(rules, api.url, *request) for request in asked]
    assert {"400", "403", "404" if unmatched is Unmatched.REFUSE else "", "405", "own", "r100"} <= set(wanted)
    found = [meaning(through.ask(raw(*request))) for request in asked]
    differences = [one for one in zip(asked, found, wanted, strict=True) if one[1] != one[2]]
    assert differences == []
    told, inside = through.tunnel(api.host)
    with inside, Caller(through.engine.ports["forward"], inside._password) as plain:
        assert told.status == 200
        # A 400 ends the connection.
        lasting = [one for one in zip(asked, wanted, strict=True) if one[1] != "400"]
        for (method, target, lines), result in lasting[:100]:
            assert meaning(inside.ask(raw(method, target, lines, api.host))) == result
            assert meaning(plain.ask(raw(method, f"{api.url}{target}", lines))) == result
