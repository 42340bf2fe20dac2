"""Runs an example as a reader would: in a folder of its own, in a process of its own, with a real provider.

An example speaks of `https://id.example.com` and `https://api.example.com`. Here the one is the honest server and
the other is the API behind it, below `/api`; nothing else of an example is changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.docs.markdown import Block, blocks

SECONDS: Final = 60.0
"""How long an example may take before it counts as hanging."""

CURL: Final = f"""#!{sys.executable}
import sys, urllib.request
*options, url = sys.argv[1:]
given = [text for flag, text in zip(options[::2], options[1::2]) if flag == "-H"]
lines = [line for text in given for line in (sys.stdin.read().splitlines() if text == "@-" else [text])]
headers = dict(line.split(": ", 1) for line in lines)
print(urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read().decode())
"""
"""Stands in for curl, which not every machine has: `curl -H 'Name: value' URL`, `curl -H @- URL`."""


@dataclass(frozen=True)
class Desk:
    """Where a reader sits: a folder, a document in it, and the server that the examples mean."""

    folder: Path
    server: HonestServer
    environment: dict[str, str]

    def put_in_place(self, text: str) -> str:
        """`text` with the example hosts replaced by the server's."""
        text = text.replace("https://id.example.com", self.server.url)
        text = text.replace("https://api.example.com/", f"{self.server.url}/api/")
        return text.replace("https://api.example.com", self.server.url)

    def python(self, block: Block) -> subprocess.CompletedProcess[str]:
        """Run a Python block in a new interpreter."""
        return self._run([sys.executable, "-c", self.put_in_place(block.text)])

    def shell(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run shell commands; the first that fails ends it."""
        return self._run(["sh", "-e", "-c", self.put_in_place(text)])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def make_desk(folder: Path, server: HonestServer, canary: Canary) -> Desk:
    """A reader's folder with the README's first document, whose client `server` knows."""
    client = server.register_client("client_credentials", client_id="scanner")
    programs = folder / "bin"
    programs.mkdir()
    curl = programs / "curl"
    curl.write_text(CURL, encoding="utf-8")
    curl.chmod(0o755)
    environment = {
        "AUTHRECORD_HOME": str(folder / "home"),
        "HOME": str(folder),
        "ORDERS_SECRET": client.secret,
        "API_TOKEN": server.issue_token(),
        "API_KEY": server.register_api_key(),
        "PATH": os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    desk = Desk(folder, server, environment)
    document = next(block for block in blocks("README.md") if block.info == "yaml")
    (folder / "authrecord.yaml").write_text(desk.put_in_place(document.text), encoding="utf-8")
    return desk
