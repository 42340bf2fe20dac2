"""Shell completion: the printed scripts, and what bash really completes with them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from authrecord.cli.app import COMMANDS
from tests.cli.desk import Desk

RECORDS = (
    "records:\n  - {name: orders, auth: {type: bearer, token: '${env:T}'}}\n"
    "  - {name: other, auth: {type: bearer, token: '${env:T}'}}\n"
    "  - {name: zoo, auth: {type: bearer, token: '${env:T}'}}\n"
)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_names_the_command(desk: Desk, shell: str) -> None:
    ended = desk.run("completion", shell)
    assert ended.code == 0
    assert "_AUTHRECORD_COMPLETE" in ended.out
    assert "authrecord" in ended.out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same_answers(desk: Desk, shell: str) -> None:
    """What their scripts would be told; the shells themselves need not be there."""
    desk.write(RECORDS)
    script = str(Path(sys.executable).with_name("authrecord"))
    ended = desk.spawn(
        command=[script] if Path(script).exists() else None,
        more={
            "_AUTHRECORD_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": "authrecord token o",
            "COMP_CWORD": "o" if shell == "fish" else "2",
        },
    )
    assert ended.code == 0
    assert "orders" in ended.out
    assert "zoo" not in ended.out


def completed(desk: Desk, *typed: str) -> list[str]:
    """What bash offers behind the words that were typed; the last of them is not finished."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    folder = Path(sys.executable).parent
    quoted = " ".join(f"'{word}'" for word in ("authrecord", *typed))
    script = (
        'eval "$(authrecord completion bash)"\n'
        f"COMP_WORDS=({quoted}); COMP_CWORD={len(typed)}; COMPREPLY=()\n"
        "_authrecord_completion authrecord\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    environment = desk.environment()
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    ended = subprocess.run(
        [bash, "--norc", "-c", script],
        cwd=desk.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    return ended.stdout.split()


def test_bash_completes_commands(desk: Desk) -> None:
    assert completed(desk, "lo") == ["login", "logout"]
    assert set(completed(desk, "")) >= set(COMMANDS)


def test_bash_completes_record_names_of_the_found_document(desk: Desk) -> None:
    desk.write(RECORDS)
    assert completed(desk, "token", "o") == ["orders", "other"]
    assert completed(desk, "request", "z") == ["zoo"]


def test_bash_completes_record_names_of_the_named_document(desk: Desk) -> None:
    desk.write(RECORDS.replace("orders", "ours"), "some.yaml")
    assert completed(desk, "--file", "some.yaml", "check", "ou") == ["ours"]


def test_bash_completes_options(desk: Desk) -> None:
    assert "--reveal" in completed(desk, "token", "--re")
    assert "--secret-stdin" in completed(desk, "add", "n", "--secret-")


def test_a_document_with_faults_completes_nothing_and_says_nothing(desk: Desk) -> None:
    desk.write("records: [{name: a, auth: {type: nonsense}}]\n")
    assert completed(desk, "token", "a") == []
