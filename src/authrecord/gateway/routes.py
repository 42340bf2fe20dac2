"""Routes: where a request goes and what it gets there, prepared once for each rule and origin.

A `Table` is one reading of the rules. When they change a new table takes its place; requests under way end with
the one that they began with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..core.errors import AuthrecordError
from ..core.origin import Origin
from ..keeper.authenticator import Authenticator
from ..keeper.live import Live
from .dressing import Dressing
from .refusals import Refusal, without_credential
from .rules import AmbiguousPath, OriginRules, OwnCredential, Rule, Rules, Unmatched

if TYPE_CHECKING:
    from .pool import Place

MOST_ROUTES: Final = 65_536

MOST_REMEMBERED: Final = 4096
LONGEST_REMEMBERED: Final = 256
"""Bytes of a method and a path. A client repeats them; a scanner does not, and must not fill the memory."""

Authenticators = Callable[[str], Authenticator]
"""Finds a record's authenticator by name; raises `RecordFault` for an unknown one. A document or a store."""


class Route:
    """One origin under one rule. Without a rule, or with one that names no record, nothing is put on a request."""

    __slots__ = (
        "_dressing",
        "_noted",
        "_single",
        "authenticators",
        "judges_body",
        "origin",
        "passes_cookies",
        "place",
        "rule",
    )

    def __init__(
        self,
        origin: Origin,
        rule: Rule | None,
        authenticators: tuple[Authenticator, ...],
        noted: Callable[[str, Live], None],
    ) -> None:
        self.origin = origin
        self.rule = rule
        self.place: Place | None = None
        self._noted = noted
        self.authenticators = authenticators
        self.passes_cookies = rule is None or rule.passes_cookies
        self.judges_body = any(one.has_pattern for one in authenticators)
        self._single = authenticators[0] if len(authenticators) == 1 else None
        self._dressing = None if authenticators else self._dress(())

    @property
    def records(self) -> tuple[str, ...]:
        """The names of the records, in the order of the rule."""
        return tuple(one.name for one in self.authenticators)

    def ready(self) -> Dressing | None:
        """What to put on a request now; `None` when `obtain` must be asked. Takes no lock and does no I/O."""
        dressing = self._dressing
        if self._single is not None:
            live = self._single.ready()
            if live is None:
                return None
            if dressing is not None and dressing.lives[0] is live:
                return dressing
            return self._dress((live,))
        if not self.authenticators:
            return dressing
        return self._ready_of_many()

    def _ready_of_many(self) -> Dressing | None:
        lives = [one.ready() for one in self.authenticators]
        present = tuple(live for live in lives if live is not None)
        if len(present) < len(lives):
            return None
        dressing = self._dressing
        if dressing is not None and all(a is b for a, b in zip(dressing.lives, present, strict=True)):
            return dressing
        return self._dress(present)

    async def obtain(self) -> Dressing:
        """What to put on a request, once every record has its credential.

        Raises `Refusal` when one of them can have none: then the request is not sent.
        """
        lives = []
        for one in self.authenticators:
            try:
                lives.append(one.ready() or await one.credential_async())
            except AuthrecordError as error:
                raise without_credential(one.name, error) from None
        return self._dress(tuple(lives))

    def _dress(self, lives: tuple[Live, ...]) -> Dressing:
        own = OwnCredential.KEEP if self.rule is None else self.rule.own_credential
        try:
            self._dressing = Dressing(lives, host_of(self.origin), own)
        except AuthrecordError as error:
            raise without_credential(", ".join(self.records), error) from None
        for one, live in zip(self.authenticators, lives, strict=True):
            self._noted(one.name, live)
        return self._dressing


def host_of(origin: Origin) -> bytes:
    """The value of `Host` for an origin (RFC 9110 §7.2): its port only where it is not the scheme's own."""
    return str(origin).partition("://")[2].encode("ascii")


def _nothing(name: str, live: Live) -> None:
    """Nobody counts."""


class Table:
    """The rules as they are now, with the authenticators that they name.

    `noted` is told each credential that a record begins to use.
    """

    def __init__(
        self, rules: Rules, authenticators: Authenticators, noted: Callable[[str, Live], None] = _nothing
    ) -> None:
        self.rules = rules
        self.noted = noted
        self._authenticators = authenticators
        self._known: dict[str, Authenticator] = {}
        self._routes: dict[tuple[Origin, int], Route] = {}
        self.remembered: dict[tuple[str, bytes, bytes], Route] = {}
        """By origin, method and path, what was asked for; all is forgotten when it is too much."""

    def authenticator(self, name: str) -> Authenticator:
        """The record's authenticator, made when it is first asked for. Raises what `Authenticators` raises."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._authenticators(name)
        return found

    def has(self, origin: Origin) -> bool:
        """True when some rule speaks of this origin."""
        return bool(self.rules.for_origin(origin))

    def route(self, origin: Origin, rules: OriginRules, path: str, method: str) -> Route:
        """See `Destination.route`. `rules`: those that speak of `origin`. `path` is without its query."""
        try:
            rule = rules.first_that_fits(path, method)
        except AmbiguousPath as fault:
            raise Refusal(400, "ambiguous_path", f"{fault}.".capitalize()) from None
        if rule is None:
            if self.rules.unmatched is Unmatched.REFUSE:
                raise Refusal(404, "no_rule", "No rule of the gateway speaks of this request.")
            return self.bare(origin)
        key = (origin, id(rule))
        found = self._routes.get(key)
        return self._made(key, rule) if found is None else found

    def bare(self, origin: Origin) -> Route:
        """The route of requests that get no credential."""
        key = (origin, 0)
        found = self._routes.get(key)
        return self._made(key, None) if found is None else found

    def _made(self, key: tuple[Origin, int], rule: Rule | None) -> Route:
        origin = key[0]
        names = () if rule is None else rule.records
        try:
            authenticators = tuple(self.authenticator(name) for name in names)
            for one in authenticators:
                one.release(origin)
        except AuthrecordError as error:
            refusal = without_credential(", ".join(names), error)
            refusal.status = 403 if error.code == "origin_refused" else 502
            raise refusal from None
        if len(self._routes) >= MOST_ROUTES:
            self._routes.clear()
        found = self._routes[key] = Route(origin, rule, authenticators, self.noted)
        return found


class Destination:
    """One origin under the rules of a table. `usual`: the route of every request, where one rule fits them all.

    The table does not know it: a table that nobody uses any more is gone without the garbage collector, which
    does not look at what was there when the gateway began.
    """

    __slots__ = ("_name", "_origin", "_rules", "table", "usual")

    def __init__(self, table: Table, origin: Origin) -> None:
        self.table = table
        self._origin = origin
        self._name = str(origin)
        self._rules = table.rules.for_origin(origin)
        self.usual: Route | None = None

    def route(self, method: bytes, target: bytes) -> Route:
        """The route of a request. `target` may have a query.

        Raises `Refusal`: 404 where no rule fits (row O18), 400 for a path that must not be guessed (row O7), 403
        when a record does not allow the origin.
        """
        path = target.partition(b"?")[0] if b"?" in target else target
        found = self.table.remembered.get((self._name, method, path))
        return self._look_up(method, path) if found is None else found

    def bare(self) -> Route:
        """The route of a request that gets no credential."""
        return self.table.bare(self._origin)

    def _look_up(self, method: bytes, path: bytes) -> Route:
        found = self.table.route(self._origin, self._rules, path.decode("latin-1"), method.decode("ascii"))
        remembered = self.table.remembered
        if self._rules.for_everything is not None:
            self.usual = found
        elif len(method) + len(path) <= LONGEST_REMEMBERED:
            if len(remembered) >= MOST_REMEMBERED:
                remembered.clear()
            remembered[(self._name, method, path)] = found
        return found
