"""From the values of a foreign block to the `auth` of a draft, by walking the description of the form.

An importer only says which of its values belongs to which of our paths. What does not apply to the grant is left out,
a placeholder becomes a field that must still be filled in, and what breaks a rule of documents is taken out with the
rule's own words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import quote_plus

from ..core.errors import Fault
from ..core.fields import Kind
from ..core.secret import Secret
from ..documents.form import FormField, form_of
from ..documents.parameters import MOST
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2
from .draft import faults_of
from .values import is_open_address, is_placeholder, looks_sensitive, shown

AUTHORIZATION: Final = "auth.authorization."
CREDENTIALS: Final = "auth.credentials."
EXCHANGE: Final = "auth.token_exchange."
USAGE: Final = "auth.token_usage."
REFRESH: Final = "auth.token_refresh."

_ADDRESSES: Final = (Kind.URL, Kind.CALLBACK_URL)
_MOST_ROUNDS: Final = 10
_TOOLS_CALLBACKS: Final = (
    "oauth.pstmn.io",
    "oauth.usebruno.com",
    "hoppscotch.io",
    "oauth.yaak.app",
    "insomnia.rest",
)


@dataclass(frozen=True, slots=True)
class Auth:
    """The `auth` group of a draft, still without a name and origins."""

    data: dict[str, Any] = field(repr=False)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def auth_of(
    auth_type: str, values: Mapping[str, object], *, grant: str = "", notes: Iterable[str] = ()
) -> Auth:
    """The `auth` group that `values`, by our paths, make. Values are as the foreign text has them."""
    making = _Making(list(notes))
    making.data["auth"] = {"type": auth_type, **({"grant": grant} if grant else {})}
    for group in form_of(auth_type, grant)[1:]:
        for one in group.fields:
            making.take(one, values.get(one.path))
    making.settle()
    return Auth(making.data["auth"], tuple(making.missing), tuple(making.notes))


def keyed(name: object, value: object, place: object, *, notes: Iterable[str] = ()) -> Auth:
    """An API key in `place` (`header`, `query`, `cookie`)."""
    values = {"auth.key": name, "auth.value": value, "auth.send_in": place}
    return auth_of("api_key", values, notes=notes)


def bearer(token: object, prefix: object = None, *, notes: Iterable[str] = ()) -> Auth:
    """A token that the user has already. `prefix`: `None` for the usual one."""
    return auth_of("bearer", {"auth.token": token, "auth.prefix": prefix}, notes=notes)


def parameter(key: object, value: object, place: object) -> dict[str, object]:
    """A custom parameter; `place` is `header`, `query`, `body`, or anything else for the usual place."""
    return {"key": key, "value": value, "send_in": place}


def basic_or_raw(client_id: object, client_secret: object) -> str:
    """How a tool that does not form-encode before base64 sends these, in our words: the same bytes must go out."""
    same = all(
        not isinstance(one, str) or is_placeholder(one) or quote_plus(one) == one
        for one in (client_id, client_secret)
    )
    return "basic" if same else "basic_raw"


@cache
def all_fields() -> dict[str, FormField]:
    """Every field of every kind of record, by path."""
    kinds = [(kind.type, grant) for kind in AUTH_TYPES for grant in _grants(kind)]
    return {one.path: one for kind in kinds for group in form_of(*kind) for one in group.fields}


def _grants(kind: type) -> tuple[str, ...]:
    return tuple(choice.key for choice in GRANT_CHOICES) if kind is OAuth2 else ("",)


def label_of(path: str) -> str:
    """The label of a path, also of one into a line of a list."""
    found = all_fields().get(path.partition("[")[0])
    return path if found is None else found.label


@dataclass(slots=True)
class _Making:
    """One `auth` group in the making."""

    notes: list[str]
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    missing: list[str] = field(default_factory=list)

    def take(self, one: FormField, given: object) -> None:
        """The value of one field, if it is one."""
        if given is None or (given == "" and one.kind is not Kind.HEADER_PREFIX):
            return
        if one.only_with is not None and self._at(one.only_with[0]) not in (None, one.only_with[1]):
            return
        if one.kind is Kind.PARAMETERS:
            self._put(one.path, self._lines(one, given))
        elif one.kind is Kind.BOOLEAN:
            if isinstance(given, bool) and given != one.default:
                self._put(one.path, given)
        elif one.kind is Kind.TAGS:
            self._put(
                one.path,
                [item for item in given if isinstance(item, str)] if isinstance(given, list) else None,
            )
        elif not isinstance(given, str):
            self._is_open(one, "is not text in the source, and was left out.")
        elif is_open_address(given) if one.kind in _ADDRESSES else is_placeholder(given):
            self._is_open(one, "is a placeholder in the source, and no value.")
        elif one.kind is Kind.CALLBACK_URL and any(host in given for host in _TOOLS_CALLBACKS):
            self.notes.append(
                f"{one.label}: is the source tool's own, and was left out. Register authrecord's at the provider."
            )
        elif one.kind is Kind.SECRET:
            self._put(one.path, Secret(given.strip()))
        elif given != one.default:
            self._put(one.path, _tidy(one, given))

    def settle(self) -> None:
        """Take out what documents refuse, and note what is missing."""
        for _ in range(_MOST_ROUNDS):
            faults = faults_of({"name": "draft", **self.data})
            targets = {_target(fault.path): fault for fault in reversed(faults)}
            removed = [target for target, fault in targets.items() if self._remove(target, fault)]
            if not removed:
                self.missing += [fault.path for fault in faults if fault.path not in self.missing]
                return
        self.missing += [fault.path for fault in faults_of({"name": "draft", **self.data})]

    def _is_open(self, one: FormField, words: str) -> None:
        if one.kind in (Kind.SECRET, Kind.SENSITIVE_TEXT) or one.required:
            self.missing.append(one.path)
        self.notes.append(f"{one.label}: {words}")

    def _lines(self, one: FormField, given: object) -> list[dict[str, Any]]:
        """The lines of a list of parameters. A sensitive one is a `Secret`."""
        places = next((column.choices for column in one.columns if column.path.endswith(".send_in")), ())
        lines: list[dict[str, Any]] = []
        for item in given if isinstance(given, list) else ():
            key, value = item["key"], item["value"]
            if not isinstance(key, str) or not key:
                continue
            if not isinstance(value, str) or is_placeholder(value) or is_placeholder(key):
                words = "has no value in the source, only a placeholder, and was left out"
                self.notes.append(f"{one.label}: {shown(key)} {words}.")
                continue
            line: dict[str, Any] = {"key": key, "value": Secret(value) if looks_sensitive(key) else value}
            if looks_sensitive(key):
                line["sensitive"] = True
            if any(choice.key == item["send_in"] for choice in places):
                line["send_in"] = item["send_in"]
            lines.append(line)
        if len(lines) > MOST:
            self.notes.append(f"{one.label}: only the first {MOST} were taken.")
        return lines[:MOST]

    def _remove(self, target: tuple[Any, ...], fault: Fault) -> bool:
        """True after taking out the value that a fault is about, with the rule's words."""
        *before, last = target
        group: Any = self.data
        for step in before:
            group = group.get(step) if isinstance(group, dict) else None
        in_list = isinstance(group, list) and isinstance(last, int) and last < len(group)
        in_group = isinstance(group, dict) and last in group and last not in ("type", "grant")
        if not in_list and not in_group:
            return False
        del group[last]
        self.notes.append(f"{label_of(fault.path)}: left out, since it {fault.message} {fault.hint}".strip())
        return True

    def _at(self, path: str) -> Any:
        found: Any = self.data
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def _put(self, path: str, value: Any) -> None:
        if value is None or value == []:
            return
        *groups, key = path.split(".")
        group = self.data
        for step in groups:
            group = group.setdefault(step, {})
        group[key] = value


def _tidy(one: FormField, given: str) -> str:
    """Without the blanks around that a person does not see; words of a scope with one space between them."""
    return " ".join(given.split()) if one.kind is Kind.SCOPE else given.strip()


def _target(path: str) -> tuple[Any, ...]:
    """`auth.token_exchange.parameters[0].key` in steps, as far as what is taken out as a whole."""
    parts = path.replace("]", "").replace("[", ".").split(".")
    steps = tuple(int(part) if part.isdecimal() else part for part in parts)
    return steps[: steps.index("parameters") + 2] if "parameters" in steps else steps
