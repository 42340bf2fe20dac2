"""The chain of filters that all targets share whose requests or answers a script must see.

It stands in the router, once, and runs for each attempt of a request. What differs from target to target stands at the
routes: the scripts read it as metadata, the filters of headers as their own configuration. A chain in each cluster
would cost a Lua state for each script, thread and target: 0.7 MB for each record (docs/decisions/0052).

In order: the answer's judge; for targets with a query or a cookie the credentials into headers of ours, out of Envoy's
secrets or as the judge left them for a second attempt, the refusal where one is missing, and the script that puts them
in their places; what puts the newer ones of a second attempt into headers, and adds the facts about a request that the
judge reads from the answer. Credentials that all stand in headers are there before: see `giving`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from . import scripts
from .giving import NOTHING, injector, injectors
from .guard import REFUSED, Fence
from .placement import Place, Placement
from .plan import Plan, Target
from .shapes import (
    FROM_US,
    Json,
    any_value_of,
    extension,
    header_is,
    is_address,
    lua,
    mutations_filter,
    typed,
)

_INJECT: Final = "authrecord.inject"
_PLACE: Final = "authrecord.place"
_FACTS: Final = (
    # Of the answer's head too: a script that reads a header itself pays four times what it costs here. What each answer
    # is looked at for comes first, where its place is fixed: attempts have one digit.
    "%RESP(:STATUS)% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESP(CONTENT-LENGTH)% "
    "%REQ(:METHOD)% %BYTES_RECEIVED% %REQ(CONTENT-LENGTH)%"
)
CONTEXT: Final = "x-envoy-authrecord-context"
"""The header of an answer in which the judge finds the facts about its request and its own head."""

REPLAY: Final = "x-envoy-authrecord-replay"
"""The header of an answer in which the judge says that its request is to be sent again."""

_STAMPED: Final = "x-envoy-authrecord-stamp"
"""Says that a credential goes where Envoy itself cannot put it."""

_WANTED: Final = "x-envoy-authrecord-wanted"


def is_shared(target: Target) -> bool:
    """True for a target that needs this chain; others have a short one of their own, or none."""
    return bool(target.placements) and (target.replays or target.needs_script)


def chain(plan: Plan, fence: Fence) -> list[Json]:
    """The chain for every target of a plan that needs it; empty when none does."""
    targets = [target for target in plan.targets if is_shared(target)]
    if not targets:
        return []
    scripted = [target for target in targets if target.needs_script]
    filters = [lua(scripts.judge())]
    if any(map(_is_injected, targets)):
        filters.append(mutations_filter(_INJECT))
    if any(not is_address(target.origin.host) for target in targets):
        filters.extend(_guard(fence))
    most = max((len(target.placements) for target in scripted), default=0)
    filters.extend(
        _where(any_value_of(f"{_WANTED}-{number}"), _needed(number)) for number in range(1, most + 1)
    )
    if scripted:
        filters.append(_where(any_value_of(_STAMPED), lua(scripts.stamp())))
    return [*filters, mutations_filter(_PLACE), codec()]


def codec() -> Json:
    """The end of every chain."""
    return extension("codec", "filters.http.upstream_codec.v3.UpstreamCodec")


def own_chain(target: Target, fence: Fence) -> list[Json]:
    """The chain of a target's own cluster; empty where the shared one counts."""
    if is_shared(target):
        return []
    chain = injectors(target)
    if not is_address(target.origin.host):
        seen = {"request_mutations": [_DIALLED_HOST]}
        gone = {"request_mutations": [{"remove": _DIALLED}]}
        chain = [
            mutations_filter("dialled", seen), *_guard(fence), *chain, mutations_filter("done", gone)
        ]  # fmt: skip
    return [*chain, codec()]


def at_route(target: Target) -> Json:
    """What a route to this target says to the filters of headers; to the scripts: `scripts.facts_of`."""
    said = {_PLACE: _per_route(_placing(target))}
    if _is_injected(target):
        said[_INJECT] = _per_route(_injection(target))
    return said


def _is_injected(target: Target) -> bool:
    """True where `_injection` has something to do."""
    return target.needs_script or not is_address(target.origin.host)


def _injection(target: Target) -> Json:
    """The address that was dialled; for a script, each credential out of its secret too, none where there is none."""
    wanted = [] if is_address(target.origin.host) else [_DIALLED_HOST]
    if not target.needs_script:
        return {"request_mutations": wanted}
    wanted.append(set_header(_STAMPED, "1"))
    wanted += [set_header(f"{_WANTED}-{number}", "1") for number in range(1, len(target.placements) + 1)]
    filled = [
        set_header(header_of(number), f"%SECRET({one.record})%")
        for number, one in enumerate(target.placements, start=1)
    ]
    if target.replays:
        filled += [
            set_header(header_of(number), _newer(number)) for number in range(1, len(target.placements) + 1)
        ]
    secrets = {one.record: {"name": one.record, "sds_config": FROM_US} for one in target.placements}
    formatter = typed("formatter.generic_secret.v3.GenericSecret", secret_configs=secrets)
    return {
        "request_mutations": [*wanted, *filled],
        "formatters": [{"name": "envoy.formatter.generic_secret", "typed_config": formatter}],
    }


def _placing(target: Target) -> Json:
    """Credentials of headers into their places, and everything of ours off the request.

    The judge finds what it needs on the answer, where forgeries of it go. Each mutation costs, so that what a target
    never sets is not taken away either: what a caller sends under such names goes at the listener.
    """
    placed = [
        set_header(one.name, f"%REQ({header_of(number)})%" if target.needs_script else _newer(number))
        for number, one in enumerate(target.placements, start=1)
        if one.place is Place.HEADER
    ]
    if target.patterns:
        placed.append(_NOT_CODED)
    answered = _telling(target) if target.replays else [{"remove": CONTEXT}]
    return {
        "request_mutations": [*placed, *({"remove": name} for name in _ours(target))],
        "response_mutations": [*({"remove": name} for name in _FORGED), *answered],
    }


_NOT_CODED: Final[Json] = {
    "append": {
        "header": {"key": "accept-encoding", "value": "identity"},
        "append_action": "OVERWRITE_IF_EXISTS",
    }
}
"""A coded body cannot be read by the script. Who asks for no coding gets none, and keeps the request as it was."""


def _newer(number: int) -> str:
    """The `number`-th credential of a second attempt; before that it is nothing, and a mutation does nothing then."""
    return f"%DYNAMIC_METADATA({scripts.NEWER}:credential-{number})%"


_FORGED: Final = (REPLAY, "x-authrecord-outcome")


def _ours(target: Target) -> Iterable[str]:
    """The headers that `_injection` sets."""
    if target.needs_script:
        numbers = range(1, len(target.placements) + 1)
        yield from map(header_of, numbers)
        yield from (f"{_WANTED}-{number}" for number in numbers)
        yield _STAMPED
    if not is_address(target.origin.host):
        yield _DIALLED


def _telling(target: Target) -> Iterable[Json]:
    """What the judge has to know about a request, on its answer."""
    for number, one in enumerate(target.placements, start=1):
        sent = f"%REQ({_sent_in(one)})%"
        if number == 1:
            yield set_header(CONTEXT, f"{scripts.key_of(target)} {_FACTS} {sent}")
        else:
            yield set_header(f"{CONTEXT}-{number}", sent)


_DIALLED: Final = "x-envoy-authrecord-dialled"
"""The address that Envoy has chosen for a name."""


def header_of(number: int) -> str:
    """The header of ours in which the `number`-th credential waits for its place."""
    return f"x-envoy-authrecord-credential-{number}"


def set_header(name: str, value: str) -> Json:
    """A mutation."""
    return {
        "append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    }


_DIALLED_HOST: Final = set_header(_DIALLED, "%UPSTREAM_HOST%")


def _sent_in(placement: Placement) -> str:
    """The header of the request in which the credential stands that was sent."""
    return {Place.HEADER: placement.name, Place.QUERY: ":PATH", Place.COOKIE: "COOKIE"}[placement.place]


def _guard(fence: Fence) -> list[Json]:
    """Refuses a request whose name led to an address that is not dialled, before it is sent (row M12)."""
    forbidden = fence.predicate(lambda value: header_is(_DIALLED, value))
    says_why = mutations_filter("refused", {"request_mutations": [set_header(REFUSED, "1")]})
    return [_where(forbidden, says_why), _where(any_value_of(REFUSED), _refusing())]


def _per_route(mutations: Json) -> Json:
    return typed("filters.http.header_mutation.v3.HeaderMutationPerRoute", mutations=mutations)


def _refusing() -> Json:
    """An injector that never has a credential: Envoy refuses the request then, without a script."""
    return injector(scripts.NAME, NOTHING, "x-envoy-authrecord-credential", replaces=True)


def _needed(number: int) -> Json:
    """The same where the `number`-th credential is missing: one that is there it leaves alone."""
    return injector(f"needed-{number}", NOTHING, header_of(number), replaces=False)


def _where(predicate: Json, filter_config: Json) -> Json:
    """A filter that other requests do not even meet."""
    action = extension("run", "filters.http.composite.v3.ExecuteFilterAction", typed_config=filter_config)
    return extension(
        scripts.NAME,
        "common.matching.v3.ExtensionWithMatcher",
        extension_config=extension("composite", "filters.http.composite.v3.Composite"),
        xds_matcher={
            "matcher_list": {"matchers": [{"predicate": predicate, "on_match": {"action": action}}]}
        },
    )
