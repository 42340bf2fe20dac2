"""A desk to try the command line at: a folder, a home of its own, an environment, and two ways to run a command.

`run` runs a command in this process, which is quick; `start` and `spawn` run the installed command in a process
of its own, which is what a user has.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from authrecord.cli import app
from authrecord.testing import HonestServer
from authrecord.testing.state import Client
from tests.canary_watch import Canary

SECRET_VARIABLE: Final = "ORDERS_SECRET"
SECONDS: Final = 60
"""How long a command may take before a test gives up."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str
    raw: bytes = b""

    @property
    def data(self) -> Any:
        """The answer of `--json`."""
        return json.loads(self.out)


def installed() -> list[str]:
    """The command as it is installed beside this Python; the same entry point where it is not."""
    script = shutil.which("authrecord", path=str(Path(sys.executable).parent))
    if script is not None:
        return [script]
    return [sys.executable, "-c", "from authrecord.cli.entry import main; main()"]


class Desk:
    """One user at one machine: `folder` is where they stand, `home` is where authrecord keeps its files."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self.folder = folder / "work"
        self.home = folder / "home"
        self.folder.mkdir()
        self.home.mkdir()
        self._patch = monkeypatch
        self._capsys = capsys
        self._variables: dict[str, str] = {}
        self._started: list[subprocess.Popen[bytes]] = []
        for name in [
            one for one in os.environ if one.startswith(("AUTHRECORD_", "XDG_", "BROWSER", "DISPLAY"))
        ]:
            monkeypatch.delenv(name)
        self.set("HOME", str(self.home))
        self.set("AUTHRECORD_HOME", str(self.home / "authrecord"))
        monkeypatch.chdir(self.folder)

    def set(self, name: str, value: str) -> None:
        """Set a variable, for both ways to run."""
        self._variables[name] = value
        self._patch.setenv(name, value)

    def unset(self, name: str) -> None:
        """Take a variable away."""
        self._variables.pop(name, None)
        self._patch.delenv(name, raising=False)

    def write(self, text: str, name: str = "authrecord.yaml") -> Path:
        """A file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *arguments: str, typed: str | bytes = "") -> Ended:
        """Run it in this process. `typed` is what stands on standard input, which is no terminal."""
        given = typed.encode() if isinstance(typed, str) else typed
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        self._capsys.readouterr()
        code = app.run(list(arguments))
        out, err = self._capsys.readouterr()
        return Ended(code, out, err)

    @property
    def cache(self) -> Path:
        """The sealed store."""
        return self.home / "authrecord" / "data" / "store.sqlite"

    @property
    def key(self) -> Path:
        """Their key."""
        return self.home / "authrecord" / "data" / "keys" / "store.key"

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a process: little, and known."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return {**kept, "TERM": "xterm", "PYTHONUTF8": "1", **self._variables, **(more or {})}

    def start(
        self,
        *arguments: str,
        more: Mapping[str, str] | None = None,
        command: list[str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """Start the installed command in a process of its own."""
        given: dict[str, Any] = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        process = subprocess.Popen(
            [*(command or installed()), *arguments],
            cwd=self.folder,
            env=self.environment(more),
            **{**given, **options},
        )
        self._started.append(process)
        return process

    def leave(self) -> None:
        """End what a test that failed has left running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def spawn(
        self,
        *arguments: str,
        typed: bytes = b"",
        more: Mapping[str, str] | None = None,
        command: list[str] | None = None,
    ) -> Ended:
        """Run the installed command to its end. Nothing that it says may be a traceback."""
        process = self.start(*arguments, more=more, command=command)
        out, err = process.communicate(typed, timeout=SECONDS)
        assert b"Traceback" not in err
        return Ended(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), out)


class Shop:
    """An honest provider with an API behind it, a client, and the record for it: `orders`."""

    def __init__(self, desk: Desk, server: HonestServer, canary: Canary) -> None:
        self.desk = desk
        self.server = server
        self.canary = canary
        self.client: Client = server.register_client(client_id="scanner")
        desk.set(SECRET_VARIABLE, self.client.secret)

    def record(self, name: str = "orders", *, more: str = "", exchange: str = "") -> str:
        """One record of the client credentials grant, as an item of a document's list."""
        return f"""\
  - name: {name}
    allowed_origins: ["{self.server.url}"]
    auth:
      type: oauth2
      grant: client_credentials
      credentials: {{client_id: {self.client.client_id}, client_secret: "${{env:{SECRET_VARIABLE}}}"}}
      token_exchange: {{url: "{self.server.token_url}"{exchange}}}
{more}"""

    def document(self, *records: str, name: str = "authrecord.yaml") -> Path:
        """A document of these records; of `orders` alone if none is given."""
        return self.desk.write("records:\n" + "".join(records or (self.record(),)), name)

    def code_record(self, name: str = "person", *, exchange: str = "", credentials: str = "") -> str:
        """One record of the authorization code grant, with the same client."""
        return f"""\
  - name: {name}
    allowed_origins: ["{self.server.url}"]
    auth:
      type: oauth2
      grant: authorization_code
      authorization: {{url: "{self.server.authorization_url}"}}
      credentials: {{client_id: {self.client.client_id}, client_secret: "${{env:{SECRET_VARIABLE}}}"{credentials}}}
      token_exchange: {{url: "{self.server.token_url}"{exchange}}}
"""
