"""Changes in the text of a YAML document: spans are cut and put in, and every other byte stays.

Positions come from the nodes that PyYAML composes. The document has been read without a fault before, so it is
small, shallow, and holds one record of each name. What has no place in the document's form raises `CannotEdit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from .formats import Format
from .tree import CannotEdit
from .writing import emit

Change: TypeAlias = tuple[int, int, str]
"""From, to (positions in the text, in characters), and what takes the place."""


def added(text: str, new: dict[str, Any], has_records: bool) -> str:
    """The text with the record `new` after the last one."""
    block = emit([new], Format.YAML)
    document = _Document.of(text) if has_records or _holds_something(text) else None
    if document is None:
        joint = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{joint}records:\n{block}"
    items = document.items
    if not items:
        start = ":\n" if document.before_list else ""
        return document.with_changes(
            [(document.before_list, _end(document.list), start + block.rstrip("\n"))]
        )
    if document.list.flow_style:
        return document.with_changes([(_end(items[-1]), _end(items[-1]), f", {_flow(new)}")])
    place = document.line_end(_end(items[-1]))
    return document.with_changes(
        [(place, place, document.newline_before(place) + _indented(block, document.column))]
    )


def changed(text: str, before: dict[str, Any], new: dict[str, Any]) -> str:
    """The text with the record changed key by key, where `before` and `new` differ."""
    document = _Document.of(text)
    changes: list[Change] = []
    _change(document, document.item(new["name"]), before, new, changes)
    return document.with_changes(changes)


def replaced(text: str, new: dict[str, Any]) -> str:
    """The text with the whole record written anew."""
    document = _Document.of(text)
    item = document.item(new["name"])
    if item.flow_style:
        return document.with_changes([(item.start_mark.index, _end(item), _flow(new))])
    block = _indented(emit(new, Format.YAML), item.start_mark.column).strip()
    return document.with_changes([(item.start_mark.index, _end(item), block)])


def removed(text: str, name: str) -> str:
    """The text without the record; a comment above it stays, since it may belong to the list."""
    document = _Document.of(text)
    item = document.item(name)
    if document.list is None:
        return "records: []\n"
    if len(document.items) == 1:
        empty = ": []" if document.before_list else "[]"
        return document.with_changes([(document.before_list, _end(document.list), empty)])
    if document.list.flow_style:
        return document.with_changes([_with_comma(document.items, item)])
    start = document.dash(item)
    return document.with_changes([(start, document.line_end(_end(item)), "")])


@dataclass(frozen=True, slots=True)
class _Document:
    """The composed nodes of a text. `before_list`: the end of the `records` key, 0 for a bare list."""

    text: str
    mark: str
    list: Any
    single: Any
    before_list: int

    @classmethod
    def of(cls, text: str) -> _Document:
        import yaml

        mark = "\ufeff" if text.startswith("\ufeff") else ""
        body = text.removeprefix("\ufeff")
        root = yaml.compose(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if isinstance(root, yaml.SequenceNode):
            return cls(body, mark, root, None, 0)
        for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
            if key.value == "records":
                return cls(body, mark, value, None, key.end_mark.index)
        return cls(body, mark, None, root, 0)

    @property
    def items(self) -> Any:
        """The nodes of the records of a list."""
        if self.list is None:
            raise CannotEdit  # one bare record has no place for a second
        return self.list.value

    @property
    def column(self) -> int:
        """Where the dashes of a block list stand."""
        return int(self.list.start_mark.column)

    def item(self, name: str) -> Any:
        """The node of the record `name`, which is there."""
        nodes = [self.single] if self.list is None else self.list.value
        return next(
            node for node in nodes if any(k.value == "name" and v.value == name for k, v in node.value)
        )

    def line_start(self, position: int) -> int:
        return self.text.rfind("\n", 0, position) + 1

    def line_end(self, position: int) -> int:
        """The position after the line break that follows, or the end of the text."""
        found = self.text.find("\n", position)
        return len(self.text) if found < 0 else found + 1

    def newline_before(self, position: int) -> str:
        """A line break for what is put in at `position`, unless one stands there."""
        return "" if self.text[:position].endswith("\n") else "\n"

    def dash(self, item: Any) -> int:
        """The start of the line on which the dash of a block list's item stands."""
        start = self.line_start(item.start_mark.index)
        while not self.text[start:].startswith(" " * self.column + "-"):
            if start == 0:
                raise CannotEdit
            start = self.line_start(start - 1)
        return start

    def with_changes(self, changes: list[Change]) -> str:
        """The text with every change made. Changes at one position come in the order of the list."""
        pieces, position = [self.mark], 0
        newline = "\r\n" if "\r\n" in self.text else "\n"
        for start, end, new in sorted(changes, key=lambda one: one[0]):
            if start < position:
                raise CannotEdit  # an alias: the value stands somewhere else
            pieces += [self.text[position:start], new.replace("\n", newline)]
            position = end
        return "".join([*pieces, self.text[position:]])


def _holds_something(text: str) -> bool:
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return any(line and not line.startswith("#") for line in lines)


def _end(node: Any) -> int:
    """The end of a node's last character: PyYAML's end of a block lies behind the comments that follow."""
    if not isinstance(node.value, str) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    return end


def _change(
    document: _Document, node: Any, before: dict[str, Any], new: dict[str, Any], changes: list[Change]
) -> None:
    """Collect the changes of one group."""
    if node.flow_style:
        changes.append((node.start_mark.index, _end(node), _flow(new)))
        return
    there = {key.value: (key, value) for key, value in node.value}
    for key in [one for one in there if before.get(one) != new.get(one)]:
        key_node, value_node = there[key]
        if key not in new:
            changes.append(_line_of(document, key_node, value_node))
        elif isinstance(new[key], dict) and isinstance(before.get(key), dict):
            _change(document, value_node, before[key], new[key], changes)
        elif isinstance(value_node.value, str) and not isinstance(new[key], (dict, list)):
            changes.append((value_node.start_mark.index, _trimmed(document, value_node), _flow(new[key])))
        else:
            changes.append((key_node.end_mark.index, _trimmed(document, value_node), f": {_flow(new[key])}"))
    missing = {key: value for key, value in new.items() if key not in there}
    if missing:
        place = document.line_end(_trimmed(document, node.value[-1][1]))
        block = _indented(emit(missing, Format.YAML), node.start_mark.column)
        changes.append((place, place, document.newline_before(place) + block))


def _trimmed(document: _Document, node: Any) -> int:
    """The end of a node without the line breaks that a block scalar keeps."""
    return len(document.text[: _end(node)].rstrip())


def _line_of(document: _Document, key: Any, value: Any) -> Change:
    """The whole lines of one key and its value."""
    start = document.line_start(key.start_mark.index)
    if document.text[start : key.start_mark.index].strip():
        raise CannotEdit  # it stands on the line of a dash
    return (start, document.line_end(_trimmed(document, value)), "")


def _with_comma(items: list[Any], item: Any) -> Change:
    """An item of a flow list, and one of the commas around it."""
    index = items.index(item)
    if index + 1 < len(items):
        return (item.start_mark.index, items[index + 1].start_mark.index, "")
    return (_end(items[index - 1]), _end(item), "")


def _flow(value: Any) -> str:
    """A value on one line. A text stands as it is where YAML reads it so, else in JSON's quotes."""
    import json

    if isinstance(value, str):
        line = emit([value], Format.YAML)[2:].rstrip("\n")
        return line if "\n" not in line and not line.startswith(("|", ">")) else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


def _indented(block: str, column: int) -> str:
    """Every line of `block` moved to the right. Blank lines stay blank, as a block scalar's may be."""
    return "".join(" " * column + line if line.strip() else line for line in block.splitlines(keepends=True))
