"""The chain of filters that all targets share whose requests or answers a script must see.

It stands in the router, once, and runs for each attempt of a request. What differs from target to target stands at the
routes: the scripts read it as metadata, the filters of headers as their own configuration. A chain in each cluster
would cost a Lua state for each script, thread and target: 0.7 MB for each record (docs/decisions/0052).

In order: the answer's judge, the credentials into headers of ours, out of Envoy's secrets or as the judge left them for
a second attempt, the refusal where one is missing, the script for queries and cookies, and what puts the others in
their places and adds the facts about a request that the judge reads from the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from . import scripts
from .guard import REFUSED, Fence
from .placement import Place, Placement
from .plan import Plan, Target
from .shapes import FROM_US, Json, any_value_of, extension, header_is, is_address, lua, typed

_INJECT: Final = "authrecord.inject"
_PLACE: Final = "authrecord.place"
_FACTS: Final = (
    # Of the answer's head too: a script that reads a header itself pays four times what it costs here. What the API
    # writes stands behind what it does not, so that nothing odd in there can move the rest.
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESP(:STATUS)% %REQ(:METHOD)% %BYTES_RECEIVED% %REQ(CONTENT-LENGTH)% "
    "%RESP(CONTENT-ENCODING):1% %RESP(CONTENT-LENGTH)%"
)
CONTEXT: Final = "x-authrecord-context"
"""The header of an answer in which the judge finds the facts about its request and its own head."""

_STAMPED: Final = "x-authrecord-c-stamp"
"""Says that a credential goes where Envoy itself cannot put it."""

_WANTED: Final = "x-authrecord-c-wanted"


def is_shared(target: Target) -> bool:
    """True for a target that needs this chain; others have a short one of their own, or none."""
    return bool(target.placements) and (target.replays or target.needs_script)


def chain(plan: Plan, fence: Fence) -> list[Json]:
    """The chain for every target of a plan that needs it; empty when none does."""
    targets = [target for target in plan.targets if is_shared(target)]
    if not targets:
        return []
    most = max(len(target.placements) for target in targets)
    filters = [lua(scripts.judge()), _mutations(_INJECT)]
    if any(not is_address(target.origin.host) for target in targets):
        filters.extend(_guard(fence))
    filters.append(_needed(1))
    filters.extend(
        _where(any_value_of(f"{_WANTED}-{number}"), _needed(number)) for number in range(2, most + 1)
    )
    if any(target.needs_script for target in targets):
        filters.append(_where(any_value_of(_STAMPED), lua(scripts.stamp())))
    return [*filters, _mutations(_PLACE), codec()]


def codec() -> Json:
    """The end of every chain."""
    return extension("codec", "filters.http.upstream_codec.v3.UpstreamCodec")


def own_chain(target: Target, fence: Fence) -> list[Json]:
    """The chain of a target's own cluster; empty where the shared one counts."""
    if is_shared(target):
        return []
    chain = [
        injector(f"credential-{number}", one.record, one.name, replaces=True)
        for number, one in enumerate(target.placements, start=1)
    ]
    if not is_address(target.origin.host):
        seen = {"request_mutations": [_DIALLED_HOST]}
        gone = {"request_mutations": [{"remove": _DIALLED}]}
        chain = [
            _mutations("dialled", seen), *_guard(fence), *chain, _mutations("done", gone)
        ]  # fmt: skip
    return [*chain, codec()]


def at_route(target: Target) -> Json:
    """What a route to this target says to the filters of headers; to the scripts: `scripts.facts_of`."""
    return {_INJECT: _per_route(_injection(target)), _PLACE: _per_route(_placing(target))}


def _injection(target: Target) -> Json:
    """Each credential out of its secret; one that is not there leaves its header out."""
    wanted = [set_header(f"{_WANTED}-{number}", "1") for number in range(2, len(target.placements) + 1)]
    if target.needs_script:
        wanted.append(set_header(_STAMPED, "1"))
    if not is_address(target.origin.host):
        wanted.append(_DIALLED_HOST)
    filled = [
        set_header(header_of(number), f"%SECRET({one.record})%")
        for number, one in enumerate(target.placements, start=1)
    ]
    if target.replays:
        filled += [
            set_header(header_of(number), f"%DYNAMIC_METADATA({scripts.NEWER}:credential-{number})%")
            for number in range(1, len(target.placements) + 1)
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
        set_header(one.name, f"%REQ({header_of(number)})%")
        for number, one in enumerate(target.placements, start=1)
        if one.place is Place.HEADER
    ]
    answered = _telling(target) if target.replays else [{"remove": CONTEXT}]
    return {
        "request_mutations": [*placed, *({"remove": name} for name in _ours(target))],
        "response_mutations": [*({"remove": name} for name in _FORGED), *answered],
    }


_FORGED: Final = ("x-authrecord-replay", "x-authrecord-outcome")


def _ours(target: Target) -> Iterable[str]:
    """The headers that `_injection` sets."""
    numbers = range(1, len(target.placements) + 1)
    yield from map(header_of, numbers)
    yield from (f"{_WANTED}-{number}" for number in numbers[1:])
    if target.needs_script:
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


_DIALLED: Final = "x-authrecord-c-dialled"
"""The address that Envoy has chosen for a name."""


def header_of(number: int) -> str:
    """The header of ours in which the `number`-th credential waits for its place."""
    return f"x-authrecord-credential-{number}"


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
    """Refuses a request whose name led to an address that is not dialled, before it has its credential (row M12)."""
    forbidden = fence.predicate(lambda value: header_is(_DIALLED, value))
    says_why = _mutations("refused", {"request_mutations": [set_header(REFUSED, "1")]})
    return [_where(forbidden, says_why), _where(any_value_of(REFUSED), _refusing())]


def _mutations(name: str, mutations: Json | None = None) -> Json:
    kind = "filters.http.header_mutation.v3.HeaderMutation"
    return extension(name, kind, mutations=mutations or {})


def _per_route(mutations: Json) -> Json:
    return typed("filters.http.header_mutation.v3.HeaderMutationPerRoute", mutations=mutations)


def _refusing() -> Json:
    """An injector that never has a credential: Envoy refuses the request then, without a script."""
    return injector(scripts.NAME, NOTHING, "x-authrecord-credential", replaces=True)


def _needed(number: int) -> Json:
    """The same where the `number`-th credential is missing: one that is there it leaves alone."""
    return injector(f"needed-{number}", NOTHING, header_of(number), replaces=False)


NOTHING: Final = "nothing/"
"""The secret that is always empty; no record has such a name."""


def injector(name: str, secret: str, header: str, *, replaces: bool) -> Json:
    """Envoy's own filter that puts a secret into a header, and refuses the request when it is empty."""
    credential = extension(
        "generic",
        "http.injected_credentials.generic.v3.Generic",
        credential={"name": secret, "sds_config": FROM_US},
        header=header,
    )
    kind = "filters.http.credential_injector.v3.CredentialInjector"
    return extension(name, kind, overwrite=replaces, credential=credential)


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
