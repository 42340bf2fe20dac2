"""What a person typed into the form, as the plain data that `documents` reads. It judges nothing.

A field is posted under its path, a line of a list under `path.NUMBER.key`. Of a stored secret the page knows only
that it is set: it posts `path:keep` with the place where the stored record has it, or the new value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..core.fields import Kind
from ..core.secret import Secret
from ..documents.form import FormField, form_of
from ..documents.plain import mapping_of
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record

KEEP: Final = ":keep"
"""Behind a field's path: the stored secret stays."""

_SEPARATORS: Final = re.compile(r"[\s,]+")
_COMMAS: Final = re.compile(r"\s*[,\n]\s*")
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submitted form. `data`: as `documents.records_from` takes it. `kept`: the paths of stored secrets that stay."""

    data: dict[str, Any] = field(repr=False)
    kept: tuple[str, ...] = ()


def submitted(pairs: Iterable[tuple[str, str]], stored: Record | None = None) -> Submitted:
    """The plain data of a form. Fields that the chosen kind does not have are left out."""
    typed: dict[str, str] = {}
    for name, value in pairs:
        typed.setdefault(name, value.replace("\r\n", "\n"))
    auth_type, grant = chosen(typed)
    reading = _Reading(typed, {} if stored is None else mapping_of(stored))
    data: dict[str, Any] = {"auth": {"type": auth_type}}
    for group in form_of(auth_type, grant):
        for one in group.fields:
            value = reading.value(one)
            if value is not _MISSING:
                _put(data, one.path, value)
    return Submitted(data, tuple(reading.kept))


def chosen(typed: Mapping[str, str]) -> tuple[str, str]:
    """Auth type and grant of a form; the first of each where none is chosen."""
    auth_type = typed.get("auth.type", "")
    if auth_type not in {kind.type for kind in AUTH_TYPES}:
        auth_type = AUTH_TYPES[0].type
    if auth_type != OAuth2.type:
        return auth_type, ""
    grant = typed.get("auth.grant", "")
    return auth_type, grant if grant in {choice.key for choice in GRANT_CHOICES} else GRANT_CHOICES[0].key


class _Reading:
    """Reads field after field."""

    def __init__(self, typed: Mapping[str, str], stored: dict[str, Any]) -> None:
        self._typed = typed
        self._stored = stored
        self.kept: list[str] = []

    def value(self, one: FormField) -> Any:
        """The value of a field, or `_MISSING` for one that is left out."""
        if (
            one.only_with is not None
            and self._typed.get(one.only_with[0], one.only_with[1]) != one.only_with[1]
        ):
            return _MISSING
        if one.kind is Kind.PARAMETERS:
            return self._lines(one) or _MISSING
        if one.kind is Kind.BOOLEAN:
            value: Any = one.path in self._typed
            return _MISSING if value == one.default else value
        if one.kind in {Kind.SECRET, Kind.SENSITIVE_TEXT}:
            return self._secret(one.path, one.path, required=one.required)
        if one.path not in self._typed and not one.required:
            return _MISSING
        text = self._typed.get(one.path, "")
        if one.kind in {Kind.TAGS, Kind.ORIGINS}:
            separators = _COMMAS if one.kind is Kind.TAGS else _SEPARATORS
            return [part for part in separators.split(text.strip()) if part] or _MISSING
        if text == (one.default or "") and not one.required:
            return _MISSING
        return text

    def _secret(self, path: str, keep: str, *, required: bool) -> Any:
        """What was typed, or the stored value where it stays."""
        place = self._typed.get(keep + KEEP, "")
        if _may_stay(keep, place):
            held = value_at(self._stored, place)
            if held is not None:
                self.kept.append(path)
                return held
        text = self._typed.get(keep, "")
        return text if text or required else _MISSING

    def _lines(self, one: FormField) -> list[dict[str, Any]]:
        """The lines of a list, in their order; a line in which nothing was typed is none."""
        beginning = f"{one.path}."
        numbers = {
            int(name[len(beginning) :].partition(".")[0])
            for name in self._typed
            if name.startswith(beginning) and name[len(beginning) :].partition(".")[0].isdecimal()
        }
        columns = {column.path.rpartition(".")[2]: column for column in one.columns}
        lines: list[dict[str, Any]] = []
        for number in sorted(numbers):
            line = self._line(f"{beginning}{number}.", f"{one.path}[{len(lines)}]", columns)
            if line["key"] or line["value"]:
                lines.append(line)
        return lines

    def _line(self, beginning: str, path: str, columns: Mapping[str, FormField]) -> dict[str, Any]:
        line: dict[str, Any] = {
            "key": self._typed.get(f"{beginning}key", ""),
            "value": self._secret(f"{path}.value", f"{beginning}value", required=True),
        }
        if f"{beginning}sensitive" in self._typed or isinstance(line["value"], Secret):
            line["sensitive"] = True
        place = columns.get("send_in")
        chosen_place = self._typed.get(f"{beginning}send_in", "")
        if place is not None and chosen_place and chosen_place != place.default:
            line["send_in"] = chosen_place
        return line


def _may_stay(name: str, place: str) -> bool:
    """A stored secret stays in its field, or moves within its list; it never becomes that of another field."""
    if name == place:
        return True
    before, bracket, line = place.partition("[")
    return (
        bool(bracket)
        and line.endswith("].value")
        and name.startswith(f"{before}.")
        and name.endswith(".value")
    )


def value_at(data: Any, path: str) -> Any:
    """What stands at `path` (`auth.token_exchange.parameters[0].value`) in plain data; `None` for nothing."""
    for step in path.replace("]", "").replace("[", ".").split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    *groups, key = path.split(".")
    for group in groups:
        data = data.setdefault(group, {})
    data[key] = value
