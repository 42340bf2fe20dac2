"""Routes: the gateway's rules in Envoy's words. The first that fits decides, as in the rules.

An origin is a virtual host, found by the authority that the client names, and leads to clusters whose address is
fixed: whatever the client writes into `Host`, a credential goes where its cluster leads. `Host` is rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ...core.origin import DEFAULT_PORTS, Origin
from ...keeper.attempt import MOST_REPLAYS
from ..refusals import SAYS_ERROR, Refusal
from ..rules import OwnCredential, Unmatched
from . import giving, logs, scripts, shared
from .by_path import EVERY_PATH, Step, found_by_path
from .placement import Place, Placement, spellings
from .plan import Plan, Site, Target, Way
from .shapes import SCRIPT, Json

BYPASS: Final = "x-authrecord-bypass"
TOKEN: Final = "x-authrecord-token"

# Encoded twice, encoded without need, empty or dotted segments, parameters: see `rules.OriginRules`.
_AMBIGUOUS: Final = (
    r"[^?]*(?://|\\|;|/\.{1,2}(?:/|\?|$)|"
    r"%(?i:2[ef5]|5c|00|3b|23|3f|2d|5f|7e|3[0-9]|[46][1-9a-f]|[57][0-9a])).*"
)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
NO_RULE: Final = (404, "no_rule", "No rule of the gateway speaks of this request.")
_OTHER_HOST: Final = (421, "other_host", "Host names another server than this gateway.")
_AMBIGUOUS_PATH: Final = (
    400, "ambiguous_path", "The path holds what servers read differently, and a rule depends on it.",
)  # fmt: skip
_TRACE: Final = (405, "method", "TRACE would show the credential to whoever asks.")
_OWN_CREDENTIAL: Final = (
    403, "own_credential", "The request carries a credential of its own, and the rule refuses it.",
)  # fmt: skip
OWN_REFUSALS: Final = (NO_RULE, _OTHER_HOST, _AMBIGUOUS_PATH, _TRACE, _OWN_CREDENTIAL)
"""What routes answer by themselves: status, code and sentence."""

_OUR_ANSWER_HEADERS: Final = (shared.CONTEXT, shared.REPLAY)


def route_configuration(plan: Plan, *, reverse: Origin | None, names: Iterable[str] = ()) -> Json:
    """The routes of a plan. `reverse`: the one origin that every request goes to, whatever it names.

    Without `reverse` a request names its origin, as a proxy's client does, or by `Host`. With it, `Host` must be an
    address of this machine's loopback or one of `names` (rows M1, O10).
    """
    known = dict.fromkeys(name.lower() for name in (*_LOOPBACK, *names))
    own_names = [form for name in known for form in (name, f"{name}:*")]
    hosts = [
        virtual_host(site, authorities(site.origin) if reverse is None else own_names, plan)
        for site in plan.sites
        if reverse is None or site.origin == reverse
    ]
    return routes_of([*hosts, _nothing(NO_RULE if reverse is None else _OTHER_HOST)])


def routes_inside(plan: Plan, site: Site) -> Json:
    """The routes inside of a tunnel to `site`: `Host` must be what `CONNECT` named (row O10)."""
    return routes_of([virtual_host(site, authorities(site.origin), plan), _nothing(_OTHER_HOST)])


def routes_of(hosts: list[Json]) -> Json:
    """A route configuration of these virtual hosts."""
    return {
        "name": "routes",
        "virtual_hosts": hosts,
        # What says who is calling never reaches an upstream (row O2), nor what Envoy adds. What we and Envoy say to
        # each other is taken off at the listener already.
        "request_headers_to_remove": [
            "proxy-authorization",
            "proxy-connection",
            "x-forwarded-proto",
            BYPASS,
            TOKEN,
        ],
        "most_specific_header_mutations_wins": False,
    }


def _nothing(refusal: tuple[int, str, str]) -> Json:
    return {"name": "nothing", "domains": ["*"], "routes": [refusing("/", *refusal)]}


def refusing(prefix: str, status: int, code: str, detail: str, **match: object) -> Json:
    """A route that answers by itself, as the embedded gateway would."""
    refusal = Refusal(status, code, detail)
    headers = {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        SAYS_ERROR.decode(): code,
    }
    return {
        "match": {"prefix": prefix, **match},
        "direct_response": {"status": status, "body": {"inline_string": refusal.body().decode()}},
        "response_headers_to_add": [
            {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for name, value in headers.items()
        ],
    }


def authorities(origin: Origin) -> list[str]:
    """The ways to name an origin in a request; without a port where it is that of the scheme."""
    named = [f"{origin.host}:{origin.port}"]
    if DEFAULT_PORTS[origin.scheme] == origin.port:
        named.append(origin.host)
    return named


def virtual_host(site: Site, domains: list[str], plan: Plan, *, connect: Json | None = None) -> Json:
    """An origin of a plan, found by these authorities, and what becomes of requests to it.

    `connect`: the route of `CONNECT`, where it is taken.
    """
    before = [*_before(site)] if connect is None else [connect, *_before(site)]
    passes = plan.rules.unmatched is Unmatched.PASS
    end = _to(site.bare, {"prefix": "/"}) if passes else refusing("/", *NO_RULE)
    steps = [_step(site, way) for way in site.ways]
    return {
        "name": str(site.origin),
        "domains": domains,
        **found_by_path(before, [*steps, Step(EVERY_PATH, (end,), ends=True)]),
        "request_body_buffer_limit": plan.replay_bytes,
    }


def _before(site: Site) -> Iterable[Json]:
    """What comes before all rules."""
    if site.looks_at_paths:
        headers = [_header(":path", {"safe_regex": {"regex": _AMBIGUOUS}})]
        yield refusing("/", *_AMBIGUOUS_PATH, headers=headers)
    without = {"prefix": "/", "headers": [{"name": BYPASS, "present_match": True}]}
    yield _to(site.bare, without, site.records)
    yield refusing("/", *_TRACE, headers=[_header(":method", {"exact": "TRACE"})])


def _step(site: Site, way: Way) -> Step:
    rule = way.rule
    return Step(rule.path, tuple(_ways(site, way)), ends=rule.fits_every_path and not rule.methods)


def _ways(site: Site, way: Way) -> Iterable[Json]:
    """The routes of one rule: where the client's own credential counts, those come first."""
    match = _match(way)
    if way.rule.own_credential is not OwnCredential.REPLACE:
        for placement in way.target.placements:
            for header in _own(placement):
                with_own = {**match, "headers": [*match.get("headers", ()), header]}
                if way.rule.own_credential is OwnCredential.KEEP:
                    yield _to(site.bare, with_own, way.rule.records)
                else:
                    yield {**refusing("/", *_OWN_CREDENTIAL), "match": with_own}
    yield _to(way.target, match, way.rule.records, passes_cookies=way.rule.passes_cookies)


def _match(way: Way) -> Json:
    rule = way.rule
    match: Json = {"prefix" if rule.path.endswith("/") else "path_separated_prefix": rule.path}
    if rule.methods:
        words = "|".join(re.escape(method) for method in sorted(rule.methods))
        match["headers"] = [_header(":method", {"safe_regex": {"regex": words}})]
    return match


def _own(placement: Placement) -> list[Json]:
    """What finds a credential of the client's own in the place of a record's."""
    if placement.place is Place.HEADER:
        return [{"name": name, "present_match": True} for name in spellings(placement.name)]
    name = re.escape(placement.name)
    if placement.place is Place.QUERY:
        return [_header(":path", {"safe_regex": {"regex": rf"[^?]*\?(?:.*&)?{name}(?:[=&].*)?"}})]
    return [_header("cookie", {"safe_regex": {"regex": rf"(?:.*;)?\s*{name}\s*(?:[=;].*)?"}})]


def _header(name: str, matcher: Json) -> Json:
    return {"name": name, "string_match": matcher}


def _to(target: Target, match: Json, records: tuple[str, ...] = (), *, passes_cookies: bool = True) -> Json:
    """A route to a target. `records`: what its callers must be allowed to use."""
    action: Json = {
        "cluster": target.cluster,
        "timeout": "0s",
        "host_rewrite_literal": str(target.origin).partition("://")[2],
    }
    removed = giving.removed_by_route(target)
    route: Json = {"match": match, "route": action}
    if removed:
        route["request_headers_to_remove"] = removed
    if any(one.place is Place.QUERY for one in target.placements):
        route["request_headers_to_add"] = [_set("cache-control", "no-store")]
    facts: Json = {"records": ",".join(records)} if records else {}
    if shared.is_shared(target):
        facts.update(scripts.facts_of(target))
        route["typed_per_filter_config"] = {**shared.at_route(target), **giving.at_route(target)}
    told = logs.of_requests(target)
    route["metadata"] = {"filter_metadata": {SCRIPT: facts, **told} if facts else told}
    hidden = list(_hidden(target))
    if not passes_cookies:
        hidden.append("set-cookie")
    if hidden:
        route["response_headers_to_remove"] = hidden
    if target.replays:
        action["retry_policy"] = {
            "retry_on": "retriable-headers",
            "num_retries": MOST_REPLAYS,
            "retriable_headers": [{"name": shared.REPLAY, "present_match": True}],
        }
    return route


def _hidden(target: Target) -> Iterable[str]:
    """What our scripts put on an answer for each other."""
    if target.replays:
        yield from _OUR_ANSWER_HEADERS
        for number in range(2, len(target.placements) + 1):
            yield f"{shared.CONTEXT}-{number}"


def _set(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
