"""The kept reference page and schema file are what the descriptions say today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from authrecord.core.fields import fields_of
from authrecord.documents import reference
from authrecord.record import OAuth2

DOCS = Path(__file__).parents[2] / "docs"


def test_the_kept_files_are_equal_to_what_the_command_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "authrecord.documents.reference", str(tmp_path)], check=True)
    for name in (reference.PAGE, reference.SCHEMA):
        assert (DOCS / name).read_text("utf-8") == (tmp_path / name).read_text("utf-8")


def test_every_described_field_is_on_the_page() -> None:
    page = reference.page()
    for outer in fields_of(OAuth2):
        for field in fields_of(outer.group_class) if outer.group_class else (outer,):
            assert f"| {field.label} | `{field.key}` |" in page
