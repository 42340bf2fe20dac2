"""The kept page of the command line is what the commands say today, and nothing is missing from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from authrecord.cli import reference
from authrecord.cli.app import COMMANDS, authrecord
from authrecord.cli.failures import EXIT_CODES, INTERRUPTED, NEXT_STEPS, OUR_FAULT, USAGE

DOCS = Path(__file__).parents[2] / "docs"
ROOM = Path(reference.__file__).parent


def test_the_kept_page_is_equal_to_what_the_command_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "authrecord.cli.reference", str(tmp_path)], check=True)
    assert (DOCS / reference.PAGE).read_text("utf-8") == (tmp_path / reference.PAGE).read_text("utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_each_of_its_options_is_on_the_page(name: str) -> None:
    with click.Context(authrecord, info_name="authrecord") as above:
        command = authrecord.get_command(above, name)
        assert command is not None
        text = reference.page().partition(f"## authrecord {name}\n")[2].partition("\n## ")[0]
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert options, "at least --file and --json"
        for option in options:
            assert all(spelling in text for spelling in option.opts)


def test_every_file_of_a_command_is_in_the_list_of_commands() -> None:
    files = {path.stem for path in ROOM.glob("*.py") if "\n@click.command(" in path.read_text("utf-8")}
    assert files == set(COMMANDS)


def test_every_exit_code_says_what_to_do_next() -> None:
    told = {code for code, _ in NEXT_STEPS}
    assert told == {0, 1, USAGE, OUR_FAULT, INTERRUPTED, *(code for _, code in EXIT_CODES)}
