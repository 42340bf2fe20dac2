"""Lists in a record: texts (tags, origins, resources) and custom parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..core.fields import Field
from ..grants.settings import Parameter
from . import parameters
from .rules import Wrong
from .tree import Faults, Path
from .values import LONGEST_LISTS, item_of

Walk: TypeAlias = Callable[[type, object, Path], dict[str, Any]]
"""Reads one group: the values that are right; what is wrong is noted."""


def texts_of(field: Field, given: object, here: Path, faults: Faults) -> tuple[str, ...]:
    """The items that are right; what is wrong is noted in `faults`."""
    if not isinstance(given, (list, tuple)):
        faults.add(here, "is not a list", "Write a list, even of one: [ … ].")
        return ()
    if len(given) > LONGEST_LISTS[field.kind]:
        faults.add(here, f"has more than {LONGEST_LISTS[field.kind]} items")
        return ()
    texts: list[str] = []
    for index, item in enumerate(given):
        try:
            texts.append(item_of(field, item))
        except Wrong as wrong:
            faults.add((*here, index), wrong.message, wrong.hint)
    return tuple(texts)


def parameters_of(
    given: object, here: Path, places: tuple[str, ...], walk: Walk, faults: Faults
) -> tuple[Parameter, ...]:
    """The parameters that are right; what is wrong is noted in `faults`.

    `places`: where this list's parameters may be sent; with only one, `send_in` is not written.
    """
    if not isinstance(given, (list, tuple)):
        faults.add(here, "is not a list", "Write a list of groups, each with key and value.")
        return ()
    if len(given) > parameters.MOST:
        faults.add(here, f"has more than {parameters.MOST} parameters")
        return ()
    found: list[Parameter] = []
    taken: set[tuple[str, str]] = set()
    for index, item in enumerate(given):
        parameter = _parameter(item, (*here, index), places, walk, faults)
        if parameter is None:
            continue
        name = parameter.key.lower() if parameter.send_in == "header" else parameter.key
        if (parameter.send_in, name) in taken and name not in parameters.REPEATABLE:
            faults.add((*here, index, "key"), "stands twice in the same place", "Keep one of the two.")
        taken.add((parameter.send_in, name))
        found.append(parameter)
    return tuple(found)


def _parameter(
    item: object, here: Path, places: tuple[str, ...], walk: Walk, faults: Faults
) -> Parameter | None:
    if not isinstance(item, Mapping):
        faults.add(here, "is not a parameter", "Write {key: …, value: …}.")
        return None
    before = faults.count
    values = walk(Parameter, _with_only_place(item, here, places, faults), here)
    if faults.count > before:
        return None
    try:
        group = next(step for step in reversed(here[:-2]) if isinstance(step, str))
        parameters.check_key(values["key"], values.get("send_in", "body"), group=group)
    except Wrong as wrong:
        faults.add((*here, "key"), wrong.message, wrong.hint)
        return None
    return Parameter(**values)


def _with_only_place(
    item: Mapping[str, Any], here: Path, places: tuple[str, ...], faults: Faults
) -> Mapping[str, Any]:
    """`item` with the one place that its list allows."""
    if len(places) > 1:
        return item
    if "send_in" in item:
        hint = "Leave it out: these parameters are always sent in the request's URL."
        faults.add((*here, "send_in"), "does not apply here", hint)
    return {**item, "send_in": places[0]}
