"""One "machine": a network namespace of its own, whose only ways out are a fault proxy and a relay.

`python -m tests.race.machine ORDERS` runs inside the namespace (or, where there is none, beside the others). Unix
sockets are reached through it: the database's own, and one per provider. Each line on standard input is a set of
`Faults` for the way to the database, as JSON; the port of that way is the first line of standard output.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.fault_proxy import FaultProxy, Faults

MODULE: Final = "tests.race.machine"


class Machine:
    """A machine as the conductor sees it. `port`: where the database is, seen from the inside."""

    def __init__(
        self, name: str, database: Path | tuple[str, int], providers: dict[int, Path], *, namespace: bool
    ) -> None:
        """`database`: its Unix socket, or host and port.

        `providers`: the Unix socket for each port of loopback at which a provider is to be found.
        """
        self.name = name
        orders = {
            "database": str(database) if isinstance(database, Path) else database,
            "providers": {port: str(path) for port, path in providers.items()},
        }
        command = [sys.executable, "-m", MODULE, json.dumps(orders)]
        prefix = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] if namespace else []
        self._process = subprocess.Popen(
            prefix + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._inside = ["nsenter", f"--net=/proc/{self._process.pid}/ns/net"] if namespace else []
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def command(self, command: list[str]) -> list[str]:
        """`command`, to be run on this machine."""
        return self._inside + command

    def meet(self, faults: Faults) -> None:
        """Let `faults` happen on the way to the database, from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(faults)) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the machine, and with it the namespace."""
        self._process.communicate()


def namespaces_work() -> bool:
    """Whether this machine lets us make network namespaces: root does, a container may not."""
    if not all(shutil.which(command) for command in ("unshare", "nsenter", "ip")):
        return False
    tried = subprocess.run(
        ["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False
    )
    return tried.returncode == 0


def main(database: str | list[Any], providers: dict[str, str]) -> None:
    """Forward until standard input ends."""
    with ExitStack() as opened:
        for port, path in providers.items():
            opened.enter_context(FaultProxy(Path(path), port=int(port)))
        target = Path(database) if isinstance(database, str) else (str(database[0]), int(database[1]))
        way = opened.enter_context(FaultProxy(target))
        print(way.port, flush=True)
        for line in sys.stdin:
            way.faults = Faults(**json.loads(line))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
