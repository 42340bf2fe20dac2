"""What a text cannot hold, for those who import it without a form: secrets from the environment, and hosts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ..core.fields import Kind
from ..core.secret import Reference
from ..documents.writing import variable_name
from .authentication import all_fields
from .draft import Draft

_REFERABLE: Final = (Kind.SECRET, Kind.SENSITIVE_TEXT)


def completed(draft: Draft, origins: Iterable[str] = ()) -> Draft:
    """`draft` with `origins` where it names none, and a reference to the environment for each value that may be one.

    What is still in `missing` only a person can say.
    """
    data = {**draft.data, "auth": {**draft.data["auth"]}}
    missing: list[str] = []
    notes = list(draft.notes)
    allowed = list(origins)
    for path in draft.missing:
        field = all_fields().get(path)
        *groups, key = path.split(".")
        if path == "allowed_origins" and allowed:
            data["allowed_origins"] = allowed
        elif field is not None and field.kind in _REFERABLE:
            reference = Reference("env", variable_name(draft.name, key))
            group = data
            for step in groups:
                group[step] = {**group.get(step, {})}
                group = group[step]
            group[key] = reference
            notes.append(
                f"{field.label}: is read from {reference}. Set that variable where the record is used."
            )
        else:
            missing.append(path)
    return replace(draft, data=data, missing=tuple(missing), notes=tuple(notes))
