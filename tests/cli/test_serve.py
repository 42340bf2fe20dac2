"""`authrecord serve`: starts on a free port, prints a link that opens the page once, ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.canary_watch import Canary

SECONDS = 60.0


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command, with a home of its own."""
    environment = {**os.environ, "AUTHRECORD_HOME": str(folder), "HOME": str(folder)}
    for name in [
        name for name in environment if name.startswith("AUTHRECORD_") and name != "AUTHRECORD_HOME"
    ]:
        del environment[name]
    return subprocess.Popen(
        [sys.executable, "-m", "authrecord", "serve", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.slow
def test_the_printed_link_opens_the_page_once(tmp_path: Path, canary: Canary) -> None:
    server = command(tmp_path, "--listen", "127.0.0.1:0")
    try:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            line = server.stdout.readline()
            assert line, "the server ended"
            said += line
        told = json.loads(said)
        link = canary.watch(told["link"].partition("#")[2], "link")
        with httpx2.Client(base_url=told["url"], timeout=SECONDS, trust_env=False) as client:
            headers = {"sec-fetch-site": "same-origin"}
            statuses = [
                client.post("/sign-in/link", json={"link": link}, headers=headers).status_code
                for _ in range(2)
            ]
            assert statuses == [200, 403]
            assert client.get("/records").status_code == 200
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=SECONDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "0.0.0.0:0", "--name", "auth.example.com"], "without TLS"),
        (["--listen", "0.0.0.0:0", "--i-am-behind-tls-proxy"], "under which people open it"),
        (["--listen", "127.0.0.1:x"], "cannot be read"),
        (["--tls-certificate", "a.pem"], "both"),
        (["--allow-network", "everything"], "cannot be read"),
        (["--file", "a.yaml"], "cannot be served"),
    ],
)
def test_M17_what_is_not_safe_or_not_understood_is_refused(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    out, _ = command(tmp_path, *arguments).communicate(timeout=SECONDS)
    error = json.loads(out)["error"]
    assert words in error["message"]
    assert error["exit_code"] == 3
