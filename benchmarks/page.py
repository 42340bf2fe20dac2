"""What the page and the API answer in a second with 100,000 records, beside a bare "hello" of the same server.

scripts/bench-page            all of it, about three minutes; writes docs/performance-page.md
scripts/bench-page --quick    a short pass that shows that everything runs
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import HERE, arguments, finish, machine, say, table
from store_filling import Filled, filled
from tests.stores.postgres import running_postgres

from authrecord.stores.sql.api_tokens import ApiTokens
from authrecord.stores.sql.people import People
from authrecord.stores.sql.sessions import Sessions
from authrecord.stores.sql.tenants import DEFAULT

CONNECTIONS: Final = 16
LEAST_PART: Final = 0.5
"""A live token is handed out at not less than this part of the rate of the bare answer."""

INTRODUCTION: Final = """\
# Performance of the page and the API

Made by `scripts/bench-page`. Do not edit: change `benchmarks/` and run it again. Compare numbers of one run with each
other only: *hello* is the least that the same Litestar on the same uvicorn can answer as JSON, without the guard,
without a token to check and without a store. Where other programs ran beside it (see the load), rates of neighbouring
rows differ by chance, and the processor time that an answer costs says more.
"""


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time that it has spent."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Target:
    """What is loaded: a request, and what was measured of it."""

    name: str
    server: Server
    path: str
    method: str = "GET"
    headers: tuple[str, ...] = ()
    rates: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)

    def rate(self) -> float:
        """Answers in a second, the median of the rounds."""
        return statistics.median(self.rates)


@contextmanager
def serving(*words: str) -> Iterator[Server]:
    """A server in a process of its own."""
    command = [sys.executable, str(HERE / "page_server.py"), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        _wait(port)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            urlopen(f"http://127.0.0.1:{port}/hello", timeout=5)
        except URLError as error:
            if getattr(error, "code", None) is not None:
                return  # it answers, if only that there is no such page
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def load(target: Target, seconds: int, folder: Path) -> None:
    """One round of wrk."""
    script = folder / "method.lua"
    script.write_text(f'wrk.method = "{target.method}"\n', encoding="utf-8")
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    for header in target.headers:
        words += ["-H", header]
    url = f"http://127.0.0.1:{target.server.port}{target.path}"
    before = target.server.cpu()
    said = subprocess.run([*words, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(f"{target.name} answered with errors:\n{said}")
    answers = float(_found(r"(\d+) requests in", said)[1])
    target.spent.append((target.server.cpu() - before) / max(answers, 1.0) * 1e6)
    target.rates.append(float(_found(r"Requests/sec:\s+([\d.]+)", said)[1]))
    target.medians.append(_milliseconds(_found(r"50%\s+([\d.]+)(us|ms|s)", said)))
    target.late.append(_milliseconds(_found(r"99%\s+([\d.]+)(us|ms|s)", said)))


def _found(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"wrk said something else:\n{text}")
    return found


def _milliseconds(found: re.Match[str]) -> float:
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def targets(store: Filled, hello: Server, page: Server) -> list[Target]:
    """What is loaded on one store. The names lie in the middle, where nothing is first by chance."""
    backend = store.store.backend
    _, text = ApiTokens(backend).issue(
        tenant=DEFAULT, label="bench", scopes=["records:read", "tokens:use"], records=None, days=1, created_by="bench"
    )  # fmt: skip
    person = People(backend).add("bench", tenant=DEFAULT, role="administrator", may_reveal=False)
    cookie = Sessions(backend).begin(person.identity, DEFAULT)
    name = store.names[len(store.names) // 2]
    token = (f"Authorization: Bearer {text.reveal()}",)
    session = (f"Cookie: authrecord_{page.port}={cookie}",)
    return [
        Target("hello", hello, "/hello"),
        Target(f"POST /records/{name}/token", page, f"/api/v1/records/{name}/token", "POST", token),
        Target("the list, as a page", page, f"/records?after={name}", headers=session),
        Target("the list, by state", page, f"/records?state=live&after={name}", headers=session),
        Target("GET /records, 100 lines", page, f"/api/v1/records?after={name}", headers=token),
    ]


def measure(quick: bool) -> dict[str, Any]:
    """Medians for each database and request."""
    records, rounds, seconds = (1_000, 1, 1) if quick else (100_000, 3, 3)
    found: dict[str, Any] = {"machine": machine(), "records": records, "rounds": rounds, "seconds": seconds}
    folder = Path(tempfile.mkdtemp(prefix="ar-bench-", dir="/tmp"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own
    with ExitStack() as opened:
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        for kind in ("sqlite", "postgres"):
            with ExitStack() as one:
                url = f"sqlite://{folder}/{kind}/store.sqlite"
                if kind == "postgres":
                    url = one.enter_context(running_postgres(folder / "pg" / "data", durable=True))
                key = f"file:{folder}/keys/{kind}.key"
                say(f"{kind}, {records:,} records")
                store = filled(url, key, records)
                one.callback(store.store.close)
                hello = one.enter_context(serving("hello"))
                page = one.enter_context(serving("page", url, key))
                loaded = targets(store, hello, page)
                for target in loaded:
                    load(target, 1, folder)  # warms up
                    for found_before in (target.rates, target.medians, target.late, target.spent):
                        found_before.clear()
                for number in range(rounds):
                    for target in loaded:
                        load(target, seconds, folder)
                        say(f"  {number + 1}/{rounds} {target.name}: {target.rates[-1]:,.0f}/s")
                found[kind] = [
                    {
                        "name": target.name,
                        "rate": round(target.rate(), 1),
                        "median": round(statistics.median(target.medians), 2),
                        "p99": round(statistics.median(target.late), 2),
                        "cpu": round(statistics.median(target.spent)),
                    }
                    for target in loaded
                ]
    return found


def page_of(found: dict[str, Any]) -> str:
    """The page."""
    about = found["machine"]
    parts = [
        INTRODUCTION.rstrip(),
        f"wrk with {CONNECTIONS} connections, one server and the database share {about['cores']} cores.",
        f"Medians of {found['rounds']} interleaved rounds of {found['seconds']} s, {found['records']:,} records.",
        f"Measured on {about['processor']}, {about['system']}, {about['python']}; load when it began {about['load']}.",
    ]
    for kind, title in (("sqlite", "SQLite"), ("postgres", "PostgreSQL")):
        hello, token, *_ = found[kind]
        rows = [
            [
                *(one["name"], f"{one['rate']:,.0f}", f"{one['rate'] / hello['rate']:.2f} ×"),
                *(one["median"], one["p99"], one["cpu"]),
            ]
            for one in found[kind]
        ]
        part, cost = token["rate"] / hello["rate"], hello["cpu"] / token["cpu"]
        verdict = "reached" if part >= LEAST_PART else "**not reached**"
        parts += [
            f"## {title}",
            table(
                ["", "answers/s", "of hello's", "median, ms", "p99, ms", "CPU of the server, µs an answer"],
                rows,
            ),
            f"A live token at not less than half the rate of the bare answer: {part:.2f} ×, {verdict}.",
            f"By the processor time of an answer: {cost:.2f} ×.",
        ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--page", metavar="FILE", help="write the page there")
    options = parser.parse_args()
    found = measure(options.quick)
    page = page_of(found)
    if options.page:
        Path(options.page).write_text(page, encoding="utf-8")
    else:
        print(page)
    finish(found, options.json)


if __name__ == "__main__":
    main()
