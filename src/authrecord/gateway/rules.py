"""Rules: which origin, path and method get which records, and what becomes of a credential that the client sent.

A rule is data; nothing here opens a record. Whoever runs a gateway, embedded or Envoy, reads the same rules. The
first rule that fits decides. Paths are compared in the form in which they are sent: where two readers could
understand a path differently, and a rule depends on it, the request is refused rather than guessed (row O7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..core.origin import AllowedOrigins, Origin

MOST_ORIGINS: Final = 4096
"""Origins for which the rules that may fit are remembered."""

# Dot segments, plain or encoded; encoded slashes, backslashes, NUL and percent signs; encoded unreserved
# characters; empty segments; and parameters, which some servers cut off before they compare.
_AMBIGUOUS: Final = re.compile(
    r"//|\\|;|#|/\.{1,2}(?:/|$)|%(?:2[ef5]|5c|00|3b|23|3f|2d|5f|7e|3[0-9]|[46][1-9a-f]|[57][0-9a])|[^!-~]",
    re.IGNORECASE,
)


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


class Rules:
    """Rules in order. Values: a changed file makes new rules, and they take the place of these."""

    def __init__(self, rules: Iterable[Rule], *, unmatched: Unmatched = Unmatched.REFUSE) -> None:
        self.all = tuple(rules)
        self.unmatched = unmatched
        self._exact: dict[Origin, list[int]] = {}
        self._below: list[int] = []
        self._found: dict[Origin, tuple[Rule, ...]] = {}
        for number, rule in enumerate(self.all):
            for origin in rule.origins.exact:
                self._exact.setdefault(origin, []).append(number)
            if rule.origins.below:
                self._below.append(number)

    @property
    def records(self) -> tuple[str, ...]:
        """The name of every record that some rule uses, in order."""
        return tuple(dict.fromkeys(name for rule in self.all for name in rule.records))

    def for_origin(self, origin: Origin) -> tuple[Rule, ...]:
        """The rules that speak of `origin`, in order; empty when it is an origin of no rule."""
        found = self._found.get(origin)
        if found is None:
            numbers = {*self._exact.get(origin, ())}
            numbers.update(number for number in self._below if origin in self.all[number].origins)
            found = tuple(self.all[number] for number in sorted(numbers))
            if len(self._found) >= MOST_ORIGINS:
                self._found.clear()
            self._found[origin] = found
        return found


def first_that_fits(rules: tuple[Rule, ...], path: str, method: str) -> Rule | None:
    """The first of an origin's `rules` for a request; `path` as it is sent, without the query.

    Raises `AmbiguousPath` when a rule depends on a path that servers read differently.
    """
    for rule in rules:
        if not rule.fits_every_path and _AMBIGUOUS.search(path):
            raise AmbiguousPath("the path holds what servers read differently, and a rule depends on it")
        if rule.fits(path, method):
            return rule
    return None
