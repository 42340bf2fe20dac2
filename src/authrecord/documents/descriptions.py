"""The descriptions of a class, made once: a document of a hundred records walks them ten thousand times."""

from __future__ import annotations

from functools import cache

from ..core.fields import Field, fields_of


def described(group: type) -> tuple[Field, ...]:
    """The described fields of a class, in order."""
    return _described(group)


@cache
def _described(group: type) -> tuple[Field, ...]:
    return tuple(fields_of(group))
