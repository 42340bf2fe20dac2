"""A switch of the hostile server: which bad answer a place gives. A name that does not exist is refused at once."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeAlias

from .hostile_scene import HostileAnswer, Scene
from .messages import Reply, as_json

Position: TypeAlias = str | Reply | Mapping[str, object] | None
"""The name of an answer, an answer, a JSON object to answer with; empty or `None`: off."""


class Switch:
    """An attribute that holds a `Position`. Raises `ValueError` when it is set to a name that `table` lacks."""

    def __init__(self, table: Mapping[str, HostileAnswer]) -> None:
        self._table = table
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = "_switch_" + name

    def __get__(self, instance: object, owner: type) -> Position:
        position: Position = getattr(instance, self._name)
        return position

    def __set__(self, instance: object, position: Position) -> None:
        if isinstance(position, str) and position and position not in self._table:
            near = get_close_matches(position, self._table, n=3) or list(self._table)
            raise ValueError(f"there is no answer {position!r}; there is {', '.join(near)}")
        setattr(instance, self._name, position)

    def chosen(self, instance: object, scene: Scene) -> Reply | None:
        """The answer that the switch of `instance` stands on; `None` when it is off."""
        position: Position = getattr(instance, self._name)
        if isinstance(position, Reply):
            return position
        if isinstance(position, str):
            return self._table[position].make(scene) if position else None
        return as_json(dict(position)) if position else None
