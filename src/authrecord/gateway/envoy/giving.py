"""Credentials that Envoy itself puts into headers, out of its secrets, and refuses a request for where one is missing.

Targets that no script must see have such injectors in their cluster's chain. The chain that the others share (`shared`)
can hold none, since an injector takes one secret, which no route changes. There each route brings its own along, and
they run before the router, once for a request; what a second attempt needs, the judge leaves for `shared`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .placement import Place, spellings
from .plan import Plan, Target
from .shapes import FROM_US, Json, extension, mutations_filter, typed

_GIVE: Final = "authrecord.give"

_JOINED: Final = "authorization"
"""One header to Envoy, however often it came."""

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


def injectors(target: Target) -> list[Json]:
    """What puts each credential of a target into its header, and refuses the request where one is missing."""
    return [
        injector(f"credential-{number}", one.record, one.name, replaces=True)
        for number, one in enumerate(target.placements, start=1)
    ]


def is_given(target: Target) -> bool:
    """True for a target whose routes bring the injectors along: its answers are looked at, and no script places."""
    return bool(target.placements) and target.replays and not target.needs_script


def givers(plan: Plan) -> list[Json]:
    """What makes room for the injectors of a route. It is no filter itself: a request whose route has none has none."""
    if not any(map(is_given, plan.targets)):
        return []
    return [extension(_GIVE, "filters.http.filter_chain.v3.FilterChainConfig")]


def at_route(target: Target) -> Json:
    """What a route to this target says to that filter."""
    if not is_given(target):
        return {}
    kind = "filters.http.filter_chain.v3.FilterChainConfigPerRoute"
    return {_GIVE: typed(kind, filter_chain={"filters": [*_cleared(target), *injectors(target)]})}


def _cleared(target: Target) -> Iterable[Json]:
    """Takes off what the client sent under the credentials' names: an injector replaces one of several headers."""
    gone = [{"remove": one.name} for one in target.placements if one.name.lower() != _JOINED]
    if gone:
        yield mutations_filter("cleared", {"request_mutations": gone})


def removed_by_route(target: Target) -> list[str]:
    """What routes to this target take off, of the client's: every spelling of the names that credentials have.

    A route does so after `givers`, and must leave alone what they put there.
    """
    given = {one.name.lower() for one in target.placements} if is_given(target) else set()
    names = [name for one in target.placements if one.place is Place.HEADER for name in spellings(one.name)]
    return [name for name in names if name not in given]
