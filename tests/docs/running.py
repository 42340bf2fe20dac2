"""Runs an example as a reader would: in a folder of its own, in a process of its own, with a real provider.

An example speaks of `https://id.example.com` and `https://api.example.com`. Here the one is the honest server and
the other is the API behind it, below `/api`; `https://auth.example.com` is a running `authrecord serve`. Nothing else
of an example is changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from authrecord.documents import Format, read
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.docs.markdown import Block, blocks
from tests.web.stage import Stage

SECONDS: Final = 60.0
"""How long an example may take before it counts as hanging."""

STORE: Final = "https://auth.example.com"
API_TOKEN_FILE: Final = ".config/authrecord/api-token"
"""Where the examples have the API token, below the home folder."""

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
    store: str = ""
    """Where `authrecord serve` runs, empty if it does not."""

    def put_in_place(self, text: str) -> str:
        """`text` with the example hosts replaced by the server's."""
        if self.store:
            text = text.replace(STORE, self.store)
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
    (folder / "authrecord.yaml").write_text(first_document(desk), encoding="utf-8")
    return desk


def first_document(desk: Desk) -> str:
    """The README's first document, for this desk."""
    document = next(block for block in blocks("README.md") if block.info == "yaml")
    return desk.put_in_place(document.text)


def with_server(desk: Desk, web: Stage, canary: Canary) -> Desk:
    """The same desk, where the record of the README is at the server `web` and the desk has an API token for it."""
    text = first_document(desk).replace("${env:ORDERS_SECRET}", desk.environment["ORDERS_SECRET"])
    (record,) = read(text, format=Format.YAML)
    web.store().create(record)
    token = web.token("records:read", "tokens:use")
    canary.allow(token, sink="file:api-token")
    path = desk.folder / API_TOKEN_FILE
    path.parent.mkdir(parents=True)
    path.write_text(token, encoding="utf-8")
    environment = {**desk.environment, "AUTHRECORD_API_TOKEN": token}
    return replace(desk, environment=environment, store=web.url)
