"""`authrecord devserver`: what it says to type works, and nothing is left of it afterwards."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canary_watch import Canary
from tests.cli.desk import SECONDS, Desk


def ended(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> int:
    """End it as Ctrl-C does; its exit code."""
    process.send_signal(number)
    _, err = process.communicate(timeout=SECONDS)
    assert b"Traceback" not in err
    return process.returncode


@pytest.fixture
def temporary(desk: Desk, tmp_path: Path) -> Path:
    """The folder for temporary files of the processes."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    desk.set("TMPDIR", str(folder))
    return folder


@pytest.fixture
def running(
    desk: Desk, temporary: Path, canary: Canary
) -> Iterator[tuple[subprocess.Popen[bytes], list[str]]]:
    """It runs; the lines that it said."""
    process = desk.start("devserver")
    lines: list[str] = []
    assert process.stdout is not None
    while not any("Ctrl-C" in line for line in lines):
        line = process.stdout.readline().decode()
        assert line, "it ended before it had said everything"
        lines.append(line.rstrip())
    yield process, lines
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_every_line_that_it_says_to_type_works(
    desk: Desk, running: tuple[subprocess.Popen[bytes], list[str]], temporary: Path
) -> None:
    process, lines = running
    typed = [shlex.split(line)[1:] for line in lines if line.strip().startswith("authrecord ")]
    assert len(typed) >= 4
    for arguments in typed:
        if "login" in arguments:
            continue  # it opens a browser; tests/cli/test_login.py logs in
        result = desk.run(*arguments)
        assert result.code == 0, (arguments, result.err)
    assert any("login" in arguments for arguments in typed)
    assert ended(process) in {0, 130}
    assert list(temporary.iterdir()) == []


def test_its_document_holds_a_record_of_each_kind(
    desk: Desk, running: tuple[subprocess.Popen[bytes], list[str]], temporary: Path
) -> None:
    process, lines = running
    (file,) = temporary.rglob("authrecord.yaml")
    assert file.stat().st_mode & 0o777 == 0o600
    found = desk.run("--file", str(file), "list", "--json").data["records"]
    assert [(one["type"], one["grant"]) for one in found] == [
        ("bearer", None), ("api_key", None), ("oauth2", "authorization_code"), ("oauth2", "implicit"),
        ("oauth2", "password"), ("oauth2", "client_credentials"),
    ]  # fmt: skip
    url = next(line for line in lines if "listen" in line).rstrip(".").split()[-1]
    for name in ("bearer", "api-key", "password", "client-credentials"):
        assert desk.run("--file", str(file), "request", name, "GET", f"{url}/api/orders", "--fail").code == 0
    assert ended(process, signal.SIGTERM) in {0, 143}
    assert list(temporary.iterdir()) == []


def test_a_folder_of_one_s_own_and_json(desk: Desk) -> None:
    process = desk.start("devserver", "--folder", "try", "--json", "--token-life", "1")
    assert process.stdout is not None
    said = b""
    while not said.rstrip().endswith(b"}"):
        piece = process.stdout.readline()
        assert piece, said
        said += piece
    found = json.loads(said)
    assert set(found) == {"url", "file", "username"}
    assert (
        desk.run(
            "--file",
            found["file"],
            "request",
            "client-credentials",
            "GET",
            found["url"] + "/api/orders",
            "--fail",
        ).code
        == 0
    )
    again = desk.run("devserver", "--folder", "try")
    assert again.code == 7
    assert "exists already" in again.err
    assert ended(process) in {0, 130}


def test_a_port_that_is_taken_is_no_fault_of_ours(
    desk: Desk, running: tuple[subprocess.Popen[bytes], list[str]]
) -> None:
    process, lines = running
    port = next(line for line in lines if "listen" in line).rstrip(".").rpartition(":")[2]
    result = desk.run("devserver", "--port", port)
    assert result.code == 7
    assert port in result.err
    assert ended(process) in {0, 130}
