"""What importing and reading load: a command with a live token needs little of this room."""

from __future__ import annotations

import subprocess
import sys

import pytest

from authrecord import documents

_HEAVY = ("yaml", "tomlkit", "tomllib", "re2", "json", "hashlib", "ruamel", "jsonschema")


def _loaded_after(code: str) -> set[str]:
    script = f"import sys; before = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_the_room_loads_no_parser() -> None:
    loaded = _loaded_after(
        "import authrecord.documents, authrecord.documents.reading, authrecord.documents.edit"
    )
    assert loaded.isdisjoint(_HEAVY)
    assert not any(name.endswith((".schema", ".form", ".warning")) for name in loaded)


def test_reading_json_and_toml_loads_no_yaml_and_no_editor() -> None:
    text = 'name = "a"\\nauth = {type = "bearer", token = "x"}'
    loaded = _loaded_after(
        f"from authrecord.documents import read, Format; read('{text}', format=Format.TOML)"
    )
    assert loaded.isdisjoint({"yaml", "tomlkit", "re2", "json", "ruamel"})


@pytest.mark.parametrize("name", documents.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(documents, name).__module__.startswith("authrecord.documents.")


def test_a_name_that_is_none_is_refused_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = documents.nothing
