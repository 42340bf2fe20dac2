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


def every_command() -> dict[str, click.Command]:
    """The commands, and the commands of those that have some, by their whole names."""
    with click.Context(authrecord, info_name="authrecord") as above:
        found = {f"authrecord {name}": authrecord.get_command(above, name) for name in COMMANDS}
    commands = {name: command for name, command in found.items() if command is not None}
    for name, command in list(commands.items()):
        if isinstance(command, click.Group):
            commands.update({f"{name} {below}": one for below, one in command.commands.items()})
    return commands


@pytest.mark.parametrize("name", every_command())
def test_every_command_and_each_of_its_options_is_on_the_page(name: str) -> None:
    page = reference.page()
    text = page.partition(f"# {name}\n")[2].partition("\n##")[0]
    options = [one for one in every_command()[name].params if isinstance(one, click.Option)]
    assert options, "at least --file and --json"
    for option in options:
        assert all(spelling in text for spelling in option.opts)


def test_every_file_of_a_command_is_in_the_list_of_commands() -> None:
    begins = ("\n@click.command(", "\ncommand = group(")
    files = {
        path.stem.rstrip("_")
        for path in ROOM.glob("*.py")
        if any(one in path.read_text("utf-8") for one in begins)
    }
    assert files == set(COMMANDS)


def test_every_exit_code_says_what_to_do_next() -> None:
    told = {code for code, _ in NEXT_STEPS}
    assert told == {0, 1, USAGE, OUR_FAULT, INTERRUPTED, *(code for _, code in EXIT_CODES)}
