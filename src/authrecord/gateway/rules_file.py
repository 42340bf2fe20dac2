"""Rules from a file (YAML, JSON or TOML) and from the command line's options; all faults of a file come at once.

```yaml
unmatched: refuse            # or pass: requests that no rule fits are sent as they are
rules:
  - records: [orders]
    origins: [https://api.example.com, "https://*.api.example.com"]   # default: what the records allow
    path: /v1                # default: every path
    methods: [GET, HEAD]     # default: every method
    own_credential: replace  # or keep, refuse: what becomes of one that the client sent
    set_cookie: pass         # or drop
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from string import ascii_letters, digits
from typing import Any, Final, TypeVar

from ..core.errors import RecordFault
from ..core.origin import AllowedOrigins, allowed_origins
from ..documents.formats import LARGEST, format_of, parse
from ..documents.tree import Faults, shown_key, syntax_fault
from ..documents.tree import Path as Place
from .rules import OriginRules, OwnCredential, Rule, Rules, Unmatched

OriginsOf = Callable[[str], tuple[str, ...]]
"""The allowed origins of a record, by its name. Raises `RecordFault` for an unknown one."""

Choice = TypeVar("Choice", bound=Enum)

_KEYS: Final = ("records", "origins", "path", "methods", "own_credential", "set_cookie")
_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~" + digits + ascii_letters)


class _Cookies(Enum):
    PASS = "pass"
    DROP = "drop"


def read_rules(path: Path, origins_of: OriginsOf, *, unmatched: Unmatched = Unmatched.REFUSE) -> Rules:
    """The rules of a file. Raises `DocumentFault` with every fault, `RecordFault`, and `OSError`."""
    document_format = format_of(path)
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise syntax_fault(f"is larger than {LARGEST // 1024 // 1024} MiB", None, source=str(path))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise syntax_fault("is not UTF-8", None, source=str(path)) from None
    parsed = parse(text, document_format, str(path))
    return _Reader(Faults(parsed.lines, parsed.faults), origins_of).rules(parsed.data, unmatched, str(path))


def simple_rules(
    names: tuple[str, ...],
    origins_of: OriginsOf,
    *,
    own_credential: OwnCredential = OwnCredential.REPLACE,
    unmatched: Unmatched = Unmatched.REFUSE,
    together: bool = True,
) -> Rules:
    """The rules of `--record A --record B`: all records on every request to origins that all of them allow.

    Not `together`: each record on requests to its own origins, where they allow different ones. Raises
    `RecordFault` when there is no such origin.
    """
    shared = _shared(names, origins_of)
    if shared:
        return Rules(
            [Rule(records=names, origins=shared, own_credential=own_credential)], unmatched=unmatched
        )
    if together:
        raise RecordFault(
            f"the records {', '.join(names)} allow no common origin.",
            field="allowed_origins",
            hint="Write a file of rules (--rules) that says which origin gets which record.",
        )
    rules = [
        Rule(records=(name,), origins=allowed_origins(origins_of(name)), own_credential=own_credential)
        for name in names
    ]
    return Rules(rules, unmatched=unmatched)


def _shared(names: tuple[str, ...], origins_of: OriginsOf) -> AllowedOrigins:
    """The origins that every one of the records allows."""
    allowed = [allowed_origins(origins_of(name)) for name in names]
    exact = {origin for one in allowed for origin in one.exact if all(origin in other for other in allowed)}
    below = [origin for origin in allowed[0].below if all(origin in other.below for other in allowed)]
    return AllowedOrigins(frozenset(exact), tuple(below))


class _Reader:
    def __init__(self, faults: Faults, origins_of: OriginsOf) -> None:
        self._faults = faults
        self._origins_of = origins_of

    def rules(self, data: Any, unmatched: Unmatched, source: str) -> Rules:
        found: list[Rule] = []
        if not isinstance(data, Mapping) or not isinstance(data.get("rules"), list):
            self._faults.add((), "holds no rules", "Write `rules:` and a list.")
        else:
            self._keys(data, ("rules", "unmatched"), ())
            unmatched = self._choice(data, "unmatched", (), unmatched)
            items = [(item, ("rules", number)) for number, item in enumerate(data["rules"])]
            found = [rule for item, place in items if (rule := self._rule(item, place)) is not None]
        self._faults.raise_if_any(source)
        return Rules(found, unmatched=unmatched)

    def _rule(self, item: Any, place: Place) -> Rule | None:
        before = self._faults.count
        if not isinstance(item, Mapping):
            self._faults.add(place, "is not a rule", "Write `records:`, and where they go.")
            return None
        self._keys(item, _KEYS, place)
        records = self._texts(item, "records", place)
        if records is None:
            self._faults.add(
                place, "names no records", "An empty list lets requests pass without a credential."
            )
            return None
        origins = self._origins(item, records, place)
        methods = frozenset(self._texts(item, "methods", place) or ())
        if any(not set(method) <= _TOKEN or method != method.upper() for method in methods):
            self._faults.add((*place, "methods"), "holds what is no method", "Methods are upper-case words.")
        rule = Rule(
            records=records,
            origins=origins,
            path=self._path(item, place),
            methods=methods,
            own_credential=self._choice(item, "own_credential", place, OwnCredential.REPLACE),
            passes_cookies=self._choice(item, "set_cookie", place, _Cookies.PASS) is _Cookies.PASS,
        )
        return rule if self._faults.count == before else None

    def _origins(self, item: Mapping[str, Any], records: tuple[str, ...], place: Place) -> AllowedOrigins:
        texts = self._texts(item, "origins", place)
        try:
            if texts is not None:
                return allowed_origins(texts)
            if records:
                found = _shared(records, self._origins_of)
                if not found:
                    self._faults.add(
                        place, "names no origin that all its records allow", "Write `origins:` and a list."
                    )
                return found
            self._faults.add(place, "names no origins", "Write `origins:` and a list.")
        except ValueError as fault:
            self._faults.add((*place, "origins"), f"an origin {fault}")
        except RecordFault as fault:
            self._faults.add((*place, "records"), fault.message, fault.hint)
        return AllowedOrigins()

    def _path(self, item: Mapping[str, Any], place: Place) -> str:
        path = item.get("path", "/")
        if not isinstance(path, str) or not path.startswith("/"):
            self._faults.add((*place, "path"), "is not a path", "It begins with /.")
            return "/"
        if "?" in path:
            self._faults.add(
                (*place, "path"), "holds a query", "Rules look at paths only: end it before the `?`."
            )
            return "/"
        probe = Rule(records=(), origins=AllowedOrigins(), path=path)
        try:
            OriginRules((probe,)).first_that_fits(path, "GET")
        except ValueError:
            self._faults.add(
                (*place, "path"), "is one that servers read differently", "Write it without %, //, .. and ;."
            )
        return path

    def _texts(self, item: Mapping[str, Any], key: str, place: Place) -> tuple[str, ...] | None:
        if key not in item:
            return None
        given = item[key]
        if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
            self._faults.add((*place, key), "is not a list of texts", "Write a list, even of one: [ … ].")
            return ()
        return tuple(given)

    def _choice(self, item: Mapping[str, Any], key: str, place: Place, default: Choice) -> Choice:
        if key not in item:
            return default
        kind = type(default)
        try:
            return kind(item[key])
        except ValueError:
            words = ", ".join(str(one.value) for one in kind)
            self._faults.add((*place, key), "is none of the words that stand there", f"Write one of {words}.")
            return default

    def _keys(self, item: Mapping[str, Any], known: tuple[str, ...], place: Place) -> None:
        for key in item:
            if key not in known:
                self._faults.add((*place, shown_key(key)), "unknown key", f"Known are {', '.join(known)}.")
