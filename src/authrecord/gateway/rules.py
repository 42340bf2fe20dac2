"""Rules: which origin, path and method get which records, and what becomes of a credential that the client sent.

A rule is data; nothing here opens a record. Whoever runs a gateway, embedded or Envoy, reads the same rules. The
first rule that fits decides. Paths are compared in the form in which they are sent: where two readers could
understand a path differently, and a rule depends on it, the request is refused rather than guessed (row O7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..core.origin import AllowedOrigins, Origin

MOST_ORIGINS: Final = 65_536
"""Origins for which the rules that may fit are remembered."""

_ANY_METHOD: Final = ""

# Dot segments, plain or encoded; encoded slashes, backslashes, NUL and percent signs; encoded unreserved
# characters; empty segments; and parameters, which some servers cut off before they compare.
_AMBIGUOUS: Final = re.compile(
    r"//|\\|;|#|/\.{1,2}(?:/|$)|%(?:2[ef5]|5c|00|3b|23|3f|2d|5f|7e|3[0-9]|[46][1-9a-f]|[57][0-9a])|[^!-~]",
    re.IGNORECASE,
)

_PLAIN: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)++/?")
"""Most paths: nothing of the above can stand in them, and this is seen sooner."""


class OwnCredential(Enum):
    """What becomes of a credential that the client itself sent where a record puts one."""

    REPLACE = "replace"
    KEEP = "keep"
    REFUSE = "refuse"


class Unmatched(Enum):
    """What becomes of a request that no rule fits: 404, or sent as it is, without a credential."""

    REFUSE = "refuse"
    PASS = "pass"


class AmbiguousPath(ValueError):
    """A rule depends on the path, and this one reads differently to different servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Requests to `origins` whose path begins with `path`, by one of `methods`, get the credentials of `records`.

    `records`: names; several are put on one request; none means that the request passes without a credential.
    `path`: `/` fits every path; `/v1` fits `/v1` and what is below it, and not `/v10`. `methods`: upper case; empty
    means every method. `passes_cookies`: whether `Set-Cookie` of the answers reaches the client (row O14).
    """

    records: tuple[str, ...]
    origins: AllowedOrigins
    path: str = "/"
    methods: frozenset[str] = frozenset()
    own_credential: OwnCredential = OwnCredential.REPLACE
    passes_cookies: bool = True

    @property
    def fits_every_path(self) -> bool:
        """True when the path is not looked at."""
        return self.path == "/"

    def fits(self, path: str, method: str) -> bool:
        """True when the rule speaks of this path (without query) and method; its origins fit already."""
        if self.methods and method not in self.methods:
            return False
        return self.fits_every_path or path == self.path or path.startswith(self.path.rstrip("/") + "/")


class OriginRules:
    """The rules that speak of one origin, in order, found by path and method without walking them all."""

    __slots__ = ("_below", "_deepest", "_depends_from", "_everywhere", "_exact", "all", "for_everything")

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.all = rules
        first = rules[0] if rules else None
        self.for_everything = first if first and first.fits_every_path and not first.methods else None
        """The first rule where it fits every request: then no other one matters."""
        self._everywhere: dict[str, int] = {}
        self._exact: dict[str, dict[str, int]] = {}
        self._below: dict[str, dict[str, int]] = {}
        self._depends_from = len(rules)
        for number, rule in enumerate(rules):
            if rule.fits_every_path:
                _enter(self._everywhere, rule, number)
                continue
            self._depends_from = min(self._depends_from, number)
            _enter(self._exact.setdefault(rule.path, {}), rule, number)
            _enter(self._below.setdefault(rule.path.rstrip("/"), {}), rule, number)
        self._deepest = max((path.count("/") for path in self._below), default=0)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def first_that_fits(self, path: str, method: str) -> Rule | None:
        """The first rule for a request; `path` as it is sent, without the query.

        Raises `AmbiguousPath` when a rule depends on a path that servers read differently.
        """
        found = _first(self._everywhere, method, len(self.all))
        if self._depends_from < found:
            if not _PLAIN.fullmatch(path) and _AMBIGUOUS.search(path):
                raise AmbiguousPath("the path holds what servers read differently, and a rule depends on it")
            for numbers in self._numbers_for(path):
                found = _first(numbers, method, found)
        return self.all[found] if found < len(self.all) else None

    def _numbers_for(self, path: str) -> Iterator[dict[str, int]]:
        """The rules whose path is this one, or one above it: no more steps than the deepest rule has segments."""
        nothing: dict[str, int] = {}
        yield self._exact.get(path, nothing)
        at = 0
        for _ in range(self._deepest):
            at = path.find("/", at + 1)
            if at < 0:
                return
            yield self._below.get(path[:at], nothing)


def _enter(numbers: dict[str, int], rule: Rule, number: int) -> None:
    """Note a rule under each of its methods, behind one that stands there already."""
    for method in rule.methods or (_ANY_METHOD,):
        numbers.setdefault(method, number)


def _first(numbers: dict[str, int], method: str, found: int) -> int:
    return min(found, numbers.get(method, found), numbers.get(_ANY_METHOD, found))


class Rules:
    """Rules in order. Values: a changed file makes new rules, and they take the place of these."""

    def __init__(self, rules: Iterable[Rule], *, unmatched: Unmatched = Unmatched.REFUSE) -> None:
        self.all = tuple(rules)
        self.unmatched = unmatched
        self._exact: dict[Origin, list[int]] = {}
        self._below: dict[Origin, list[int]] = {}
        self._found: dict[Origin, OriginRules] = {}
        self._made: dict[tuple[Origin, ...], OriginRules] = {}
        for number, rule in enumerate(self.all):
            for origin in rule.origins.exact:
                self._exact.setdefault(origin, []).append(number)
            for origin in rule.origins.below:
                self._below.setdefault(origin, []).append(number)

    @property
    def records(self) -> tuple[str, ...]:
        """The name of every record that some rule uses, in order."""
        return tuple(dict.fromkeys(name for rule in self.all for name in rule.records))

    def for_origin(self, origin: Origin) -> OriginRules:
        """The rules that speak of `origin`, in order; none when it is an origin of no rule."""
        found = self._found.get(origin)
        if found is None:
            found = self._look_up(origin)
            if len(self._found) >= MOST_ORIGINS:
                self._found.clear()
            self._found[origin] = found
        return found

    def _look_up(self, origin: Origin) -> OriginRules:
        """Origins that are named by the same entries share what was made of the rules."""
        entries = [origin] if origin in self._exact else []
        above = [above for above in _names_above(origin) if above in self._below]
        key = (*entries, *above)
        found = self._made.get(key)
        if found is None:
            numbers = {number for one in entries for number in self._exact[one]}
            numbers.update(number for one in above for number in self._below[one])
            found = self._made[key] = OriginRules(tuple(self.all[number] for number in sorted(numbers)))
        return found


def _names_above(origin: Origin) -> Iterator[Origin]:
    """`https://b.c` and `https://c` for `https://a.b.c`; of an address, names that no rule can have."""
    host = origin.host
    while "." in host:
        host = host.partition(".")[2]
        yield Origin(origin.scheme, host, origin.port)
