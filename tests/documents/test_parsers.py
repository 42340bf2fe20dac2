"""The three parsers: the same data as others read, a line for every path, and nothing but `DocumentFault`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import tomlkit
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from authrecord.core.errors import DocumentFault
from authrecord.documents.formats import Format, parse
from authrecord.documents.tree import NUMBER, Path
from tests.documents import test_edit, test_reading
from tests.documents.strategies import texts

_keys = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=6)
_data = st.recursive(
    texts | st.booleans() | st.text(st.sampled_from("a\"'\\\n#=[]{},. "), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=12,
)
_groups = st.dictionaries(_keys, _data, max_size=4)


def _paths(data: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _paths(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _paths(value, (*path, index))


@pytest.mark.parametrize("form", list(Format))
@given(data=_groups)
@hypothesis_settings(max_examples=100)
def test_any_data_is_read_as_it_was_written_with_a_line_for_every_path(
    form: Format, data: dict[str, Any]
) -> None:
    text = {
        Format.JSON: lambda: json.dumps(data, indent=1),
        Format.TOML: lambda: tomlkit.dumps(data),
        Format.YAML: lambda: yaml.safe_dump(data, default_style='"').replace('!!bool "true"', "true"),
    }[form]()
    if form is Format.YAML:
        text = text.replace('!!bool "false"', "false")
    parsed = parse(text, form)
    assert parsed.data == data
    last = text.count("\n") + 1
    assert all(1 <= parsed.lines[path] <= last for path in _paths(data))


def test_json_lines_are_those_of_the_keys_and_items() -> None:
    """A number is read as `NUMBER`: no field holds one."""
    parsed = parse('{\n"a": [\n1,\n{"b":\ntrue}],\n"c": "x\\ny"}', Format.JSON)
    assert parsed.data == {"a": [NUMBER, {"b": True}], "c": "x\ny"}
    lines = {("a",): 2, ("a", 0): 3, ("a", 1): 4, ("a", 1, "b"): 4, ("c",): 6}
    assert {path: parsed.lines[path] for path in lines} == lines


def test_toml_lines_are_those_of_keys_headers_and_items() -> None:
    text = '''\
# c
[[a.b]]
x.y = 1 # c
[[a.b]]
[a.b."q.r"]
z = [ # c
  "1", # c
  """
two""", {k = 'v'},
]
[t]
u = 2020-01-01
'''
    lines = {
        ("a", "b", 0): 2,
        ("a", "b", 0, "x", "y"): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "q.r"): 5,
        ("a", "b", 1, "q.r", "z"): 6,
        ("a", "b", 1, "q.r", "z", 0): 7,
        ("a", "b", 1, "q.r", "z", 1): 8,
        ("a", "b", 1, "q.r", "z", 2, "k"): 9,
        ("t", "u"): 12,
    }
    parsed = parse(text, Format.TOML)
    assert {path: parsed.lines[path] for path in lines} == lines


_SIGNS = """[ ] { } : \" ' = , - # &x *x !t \\ 1 true a [[ ]] . | > --- %""".split(" ")
_BLANKS = [" ", "\n", "\t", "\r\n", "\x00", "\ud800", "\u2028", '"' * 3, "'" * 3]
_PIECES = st.lists(st.sampled_from(_SIGNS + _BLANKS), max_size=25).map("".join)


@pytest.mark.parametrize("form", list(Format))
@given(text=_PIECES)
@hypothesis_settings(max_examples=400)
def test_any_text_is_read_or_refused_with_a_document_fault(form: Format, text: str) -> None:
    with contextlib.suppress(DocumentFault):
        assert parse(text, form).lines


@pytest.mark.parametrize("form", list(Format))
@given(cut=st.integers(0, 400), piece=_PIECES)
@hypothesis_settings(max_examples=150)
def test_a_damaged_document_is_read_or_refused_with_a_document_fault(
    form: Format, cut: int, piece: str
) -> None:
    text = {**test_reading.FAULTY, **test_edit.TEXTS}[form]
    with contextlib.suppress(DocumentFault):
        assert parse(text[:cut] + piece + text[cut:], form).lines
