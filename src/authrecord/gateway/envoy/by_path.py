"""Routes of one origin, found by the beginning of the path where there are many: Envoy tries a list one by one.

Envoy walks a tree of prefixes and takes the longest that the path begins with (`VirtualHost.matcher`). What stands
there is the list of every rule for that prefix and for what it is below, in order, with matches of their own. Any rule
that fits the path is among them, so that the first that fits decides, as in the list of all (docs/decisions/0064).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from .shapes import Json, any_value_of, header_is

FEW: Final = 16
"""So many rules about paths stay in a list, which is as quick as a tree."""

MOST_GROWTH: Final = 4
MOST_COPIES: Final = 10_000
"""So many times the routes of a list, or so many routes, may stand in the tree: a copy takes 2 KB of Envoy's memory.

Where paths nest so deeply that it would be more, a list is made.
"""

EVERY_PATH: Final = "/"
_ROUTES: Final = "type.googleapis.com/envoy.config.route.v3.RouteList"


@dataclass(frozen=True, slots=True)
class Step:
    """The routes of one rule. `path`: the rule's, which their matches compare. `ends`: nothing gets past them."""

    path: str
    routes: tuple[Json, ...]
    ends: bool = False


def found_by_path(before: Sequence[Json], steps: Sequence[Step]) -> Json:
    """The field of a virtual host that holds its routes: `matcher`, or `routes` where that is better.

    `before`: routes that come before all rules, each with one condition on a header, or for `CONNECT`. Some step ends.
    """
    last = next(number for number, step in enumerate(steps) if step.ends)
    steps = steps[: last + 1]
    lists = _lists(steps)
    if lists is None:
        return {"routes": [*before, *_routes(steps)]}
    others = _leads_to(_routes(lists.pop(EVERY_PATH)))
    tree = {
        "input": header_is(":path", {})["single_predicate"]["input"],
        "prefix_match_map": {"map": {path: _leads_to(_routes(found)) for path, found in lists.items()}},
    }
    first = [{"predicate": _condition(route), "on_match": _leads_to([route])} for route in before]
    by_path = {"matcher": {"matcher_tree": tree, "on_no_match": others}}
    return {"matcher": {"matcher_list": {"matchers": first}, "on_no_match": by_path}}


def _lists(steps: Sequence[Step]) -> dict[str, list[Step]] | None:
    """For the path of each rule, the steps that may fit what begins with it; `None` where a list of all is better."""
    if sum(step.path != EVERY_PATH for step in steps) <= FEW:
        return None
    numbers: dict[str, list[int]] = {EVERY_PATH: []}
    for number, step in enumerate(steps):
        numbers.setdefault(step.path, []).append(number)
    room = max(MOST_GROWTH * len(_routes(steps)), MOST_COPIES)
    lists: dict[str, list[Step]] = {}
    for path in sorted(numbers, key=len):
        above = next((found for found in _above(path) if found in numbers), None)
        if above is not None:
            numbers[path] = sorted([*numbers[above], *numbers[path]])
        lists[path] = [steps[number] for number in numbers[path]]
        room -= sum(len(step.routes) for step in lists[path])
        if room < 0:
            return None
    return lists


def _above(path: str) -> Iterable[str]:
    """Every path of a rule that also fits what is below this one, from the longest to `/`."""
    at = len(path)
    while (at := path.rfind("/", 0, at)) >= 0:
        if at + 1 < len(path):
            yield path[: at + 1]
        yield path[:at]


def _routes(steps: Iterable[Step]) -> list[Json]:
    return list(chain.from_iterable(step.routes for step in steps))


def _leads_to(routes: list[Json]) -> Json:
    """What becomes of a request that gets here: the first of the routes that fits it."""
    return {"action": {"name": "routes", "typed_config": {"@type": _ROUTES, "routes": routes}}}


def _condition(route: Json) -> Json:
    """What a route asks beside the path, as a predicate."""
    if "connect_matcher" in route["match"]:
        return header_is(":method", {"exact": "CONNECT"})
    (header,) = route["match"]["headers"]
    if "string_match" not in header:
        return any_value_of(header["name"])
    matcher = dict(header["string_match"])
    if "safe_regex" in matcher:
        matcher["safe_regex"] = {"google_re2": {}, **matcher["safe_regex"]}
    return header_is(header["name"], matcher)
