"""What Envoy has to know, worked out of rules and records: which origins, which routes, which credentials.

A `Plan` is a value. It holds no secret, so that it can be printed; a changed document makes another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from ...core.errors import RecordFault
from ...core.origin import Origin
from ...keeper.authenticator import Authenticator
from ...record import OAuth2, Record
from ..rules import Rule, Rules
from .placement import Place, Placement, placement_of

REPLAYED_BODY_BYTES: Final = 1024 * 1024
"""Of a request's body, kept for a second attempt; larger ones stream and are not sent again."""


@dataclass(frozen=True, slots=True)
class Target:
    """An origin together with the records that are put on requests to it: one cluster of Envoy.

    `replays`: an answer that says "expired" is looked at, and the request sent again. `pattern`: the record's own
    words for it, empty when status and challenge are enough. `judges_streams`: of answers of unknown length too.
    """

    origin: Origin
    placements: tuple[Placement, ...] = ()
    replays: bool = False
    patterns: tuple[str, ...] = ()
    judges_streams: bool = False

    @property
    def cluster(self) -> str:
        """The cluster's name: `orders+key@https://api.example.com`."""
        return f"{'+'.join(one.record for one in self.placements)}@{self.origin}"

    @property
    def records(self) -> tuple[str, ...]:
        """The names of the records, in the order of the rule."""
        return tuple(one.record for one in self.placements)

    @property
    def needs_script(self) -> bool:
        """True when a credential goes where Envoy itself cannot put it."""
        return any(one.place is not Place.HEADER for one in self.placements)


@dataclass(frozen=True, slots=True)
class Way:
    """A rule, and the target of the requests that it fits."""

    rule: Rule
    target: Target


@dataclass(frozen=True, slots=True)
class Site:
    """One origin with its ways, in the order of the rules. `bare`: the target of requests without a credential."""

    origin: Origin
    ways: tuple[Way, ...]

    @property
    def bare(self) -> Target:
        """The origin, and nothing put on."""
        return Target(self.origin)

    @property
    def records(self) -> tuple[str, ...]:
        """Every record of its ways."""
        return tuple(dict.fromkeys(name for way in self.ways for name in way.rule.records))

    @property
    def looks_at_paths(self) -> bool:
        """True when some rule depends on the path."""
        return any(not way.rule.fits_every_path for way in self.ways)


@dataclass(frozen=True, slots=True)
class Plan:
    """Every site of the rules. `rules` are those that it was made from. `replay_bytes`: see `REPLAYED_BODY_BYTES`."""

    rules: Rules
    sites: tuple[Site, ...]
    replay_bytes: int = REPLAYED_BODY_BYTES

    @property
    def bare(self) -> Plan:
        """The same sites, and nothing put on (rules still decide which requests pass)."""
        sites = (
            Site(site.origin, tuple(Way(way.rule, site.bare) for way in site.ways)) for site in self.sites
        )
        return replace(self, sites=tuple(sites))

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every cluster that is needed, once."""
        found: dict[str, Target] = {}
        for site in self.sites:
            for target in (site.bare, *(way.target for way in site.ways)):
                found.setdefault(target.cluster, target)
        return tuple(found.values())


def plan_of(
    rules: Rules,
    authenticators: Callable[[str], Authenticator],
    *,
    replay: bool = True,
    replay_bytes: int = REPLAYED_BODY_BYTES,
) -> Plan:
    """The plan for `rules`. `authenticators` finds one by its record's name; `replay`: expired answers are mended.

    Raises `RecordFault` for an unknown record, for one that does not allow the origin of its rule, for names that
    Envoy cannot tell apart, and for rules about `https://*.example.com`: Envoy is told each origin by name.
    """
    for rule in rules.all:
        if rule.origins.below:
            raise RecordFault(
                f"the Envoy engine needs origins by name, and a rule speaks of *.{rule.origins.below[0].host}.",
                field="origins",
                hint="List the hosts, or use the embedded engine.",
                code="wildcard_origin",
            )
    origins = dict.fromkeys(origin for rule in rules.all for origin in sorted(rule.origins.exact))
    sites = tuple(_site(origin, rules, authenticators, replay=replay) for origin in origins)
    return Plan(rules, sites, replay_bytes)


def _site(
    origin: Origin, rules: Rules, authenticators: Callable[[str], Authenticator], *, replay: bool
) -> Site:
    ways = [
        Way(rule, _target(origin, [authenticators(name) for name in rule.records], replay=replay))
        for rule in rules.for_origin(origin)
    ]
    return Site(origin, tuple(ways))


def _target(origin: Origin, authenticators: Iterable[Authenticator], *, replay: bool) -> Target:
    authenticators = tuple(authenticators)
    placements = tuple(placement_of(one.record) for one in authenticators)
    for one in authenticators:
        one.release(origin)
    _must_differ(placements)
    renewable = [one for one in authenticators if one.renewable]
    if not (replay and renewable):
        return Target(origin, placements)
    return Target(
        origin,
        placements,
        replays=True,
        patterns=tuple(pattern for one in renewable if (pattern := _pattern(one.record))),
        judges_streams=any(one.judges_streams for one in renewable),
    )


def _pattern(record: Record) -> str:
    return record.auth.token_exchange.expired_pattern if isinstance(record.auth, OAuth2) else ""


def _must_differ(placements: tuple[Placement, ...]) -> None:
    places = [(one.place, one.name.lower().replace("_", "-")) for one in placements]
    if len(set(places)) < len(places):
        raise RecordFault(
            f"the records {', '.join(one.record for one in placements)} put their credentials in the same place.",
            field="records",
        )
