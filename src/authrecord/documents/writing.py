"""Records to documents. A secret is written only if it is asked for by name (row P26)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import RecordFault
from ..core.secret import Reference, Secret
from ..record import Record
from .formats import Format
from .plain import mapping_of
from .tree import Path, written


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A secret that was not written: the path of its field, and the reference that stands in its place."""

    path: str
    reference: Reference


@dataclass(frozen=True, slots=True)
class Written:
    """A document's text (which may hold secrets, so it does not print) and the secrets that it leaves out."""

    text: str = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()


def write(
    records: Iterable[Record],
    *,
    format: Format,  # the public name of the argument
    reveal: bool = False,
) -> Written:
    """`records` as a document: defaults left out, references as they are.

    A literal secret is replaced by a reference such as `${env:ORDERS_CLIENT_SECRET}` and listed in `left_out`;
    `reveal=True` writes it. Raises `RecordFault` for a literal that would be read back as a reference.
    """
    opening = _Opening(reveal)
    data = [
        opening.opened(mapping_of(record), ("records", index), record.name)
        for index, record in enumerate(records)
    ]
    return Written(emit({"records": data}, format), tuple(opening.left_out))


def plain_record(
    record: Record, *, reveal: bool = False, known: Record | None = None
) -> tuple[dict[str, Any], tuple[LeftOut, ...]]:
    """One record as plain data that any format can hold, and what was left out of it.

    A secret that stands at the same place in `known` is not left out.
    """
    opening = _Opening(reveal, dict(_secrets_of(mapping_of(known), ())) if known is not None else {})
    return opening.opened(mapping_of(record), (), record.name), tuple(opening.left_out)


def emit(data: Any, document_format: Format) -> str:
    """Plain data as text of a format."""
    if document_format is Format.YAML:
        return _yaml(data)
    if document_format is Format.JSON:
        import json

        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    import tomlkit

    return tomlkit.dumps(data)


@dataclass(frozen=True, slots=True)
class _Opening:
    """Makes plain text of the secrets and references in a document: revealed, or replaced and listed."""

    opens: bool
    known: Mapping[Path, Secret] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def opened(self, value: Any, path: Path, name: str) -> Any:
        """`value` with every secret revealed or replaced; `name` is the record's."""
        if isinstance(value, dict):
            return {key: self.opened(item, (*path, key), name) for key, item in value.items()}
        if isinstance(value, list):
            return [self.opened(item, (*path, index), name) for index, item in enumerate(value)]
        if isinstance(value, Reference):
            return str(value)
        if not isinstance(value, Secret):
            return value
        if self.opens or self.known.get(path) == value:
            return _revealed(value, path)
        reference = Reference("env", self._variable(name, path))
        self.left_out.append(LeftOut(written(path), reference))
        return str(reference)

    def _variable(self, name: str, path: Path) -> str:
        """A name for an environment variable: the record's name and the field's, unique in the document."""
        variable = variable_name(name, _field_word(path))
        unique, number = variable, 2
        while unique in self._taken:
            unique, number = f"{variable}_{number}", number + 1
        self._taken.add(unique)
        return unique


def variable_name(name: str, field: str) -> str:
    """The environment variable that is suggested for a record's secret: `ORDERS_CLIENT_SECRET`."""
    words = f"{name}_{field}".upper()
    variable = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in words)
    return f"RECORD_{variable}" if variable[0].isdigit() else variable


def _field_word(path: Path) -> str:
    """The field's key; for a parameter's value the group and the position, since its name may be anything."""
    if len(path) > 3 and isinstance(path[-2], int):
        return f"{path[-4]}_parameter_{path[-2]}"
    return str(path[-1])


def _secrets_of(value: Any, path: Path) -> Iterator[tuple[Path, Secret]]:
    """Every secret in plain data, with its path."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _secrets_of(item, (*path, key))


def _revealed(secret: Secret, path: Path) -> str:
    text = secret.reveal()
    if text.startswith("${") and text.endswith("}"):
        raise RecordFault(
            f"{written(path)} holds a secret that a document would read as a reference.",
            field=written(path),
            hint="Keep it in the environment, a file or a keyring, and refer to it.",
        )
    return text


def _yaml(data: Any) -> str:
    import yaml

    from .yaml_text import plain_scalar

    class Dumper(yaml.SafeDumper):
        """Quotes what YAML 1.2 would read as something else than text, and writes no aliases."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def represent(dumper: Any, text: str) -> Any:
        style = None if isinstance(plain_scalar(text), str) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    dumped: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return dumped
