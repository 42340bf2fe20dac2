"""Jupyter Server as the tests see it: an API that takes a prefix of its own, and a token in the query."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.canary_watch import Canary
from tests.real.django_site import ROOT
from tests.real.server_process import ServerProcess, serving


@dataclass(frozen=True)
class JupyterServer:
    """A running Jupyter Server and its one token."""

    server: ServerProcess
    token: str = field(repr=False)

    @property
    def status(self) -> str:
        """An address that wants the token."""
        return f"{self.server.origin}/api/status"

    @property
    def contents(self) -> str:
        """Another one."""
        return f"{self.server.origin}/api/contents"


@contextmanager
def jupyter_server(canary: Canary) -> Iterator[JupyterServer]:
    """Starts it in an empty folder; ends it."""
    token = canary("jupyter_token")
    command = [sys.executable, "-m", "tests.real.serve_jupyter"]
    with serving("Jupyter Server", command, settings={"token": token}, folder=ROOT) as server:
        yield JupyterServer(server, token)
