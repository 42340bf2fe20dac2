"""The Envoy engine beside a plain Envoy and nginx: throughput, many records, and how soon a new credential is used.

    .venv-bench/bin/python benchmarks/gateway_envoy.py [--quick] [--mitmdump PATH] [--json FILE]

It needs nginx, wrk and hey (Debian packages of these names). `--mitmdump`: the program of a mitmproxy in a virtual
environment of its own (scripts/bench-gateway makes one), for HTTPS through a forward proxy beside it. Everything runs
on loopback and shares the machine's cores with wrk; rounds are interleaved, figures are medians, and the ratio of a
row is the median of its rounds' ratios to the plain Envoy of the same round.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import arguments, finish, say, table
from envoy_stage import hey, mitmproxy, nginx, plain_envoy, utc_now

from authrecord.core.messages import Stamp
from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.authority import Authority
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.engine import Engine, Settings
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.keeper.live import Live
from authrecord.record import OAuth2, Record
from authrecord.schemes.api_key import ApiKey
from authrecord.testing import HonestServer
from authrecord.wiring import Records, make_keeper, memory_store
from authrecord.wiring import Settings as Environment

PASSWORD = "a-password-of-this-run"
ASKS = f"X-Authrecord-Token: Basic {base64.b64encode(f'authrecord:{PASSWORD}'.encode()).decode()}"
MANY = 10_000


def key_record(name: str, origin: str) -> Record:
    """A record with a static key in a header."""
    auth = ApiKey(key="X-API-Key", value=Secret(f"value-of-{name}"))
    return Record(name=name, allowed_origins=(origin,), auth=auth)


def token_record(provider: HonestServer, origin: str, name: str = "token") -> Record:
    """A record whose tokens are renewed, whose answers are looked at, and whose requests are sent again."""
    client = provider.register_client()
    return Record(
        name=name,
        allowed_origins=(origin,),
        auth=OAuth2(
            grant="client_credentials",
            credentials=Credentials(client_id=client.client_id, client_secret=Secret(client.secret)),
            token_exchange=TokenExchange(url=provider.token_url, expired_pattern="token (has )?expired"),
        ),
    )


def engine(
    *records: Record,
    reverse: str | None = None,
    workers: int = 2,
    authority: Authority | None = None,
    **given: Any,
) -> Engine:
    """The engine before the records' origins."""
    made = Records(
        {record.name: record for record in records},
        make_keeper(Environment.read({}), base=Path("/"), store=memory_store()),
    )
    found = {name: made.authenticator(name) for name in made}
    rules = Rules(
        [Rule(records=(one.name,), origins=allowed_origins(one.allowed_origins)) for one in records]
    )
    settings = Settings(
        binary=find_envoy(os.environ),
        password=Secret(PASSWORD),
        reverse=None if reverse is None else origin_of(reverse),
        workers=workers,
        **given,
    )
    return Engine(rules, found.__getitem__, settings, authority=authority)


def cpu_of(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def wrk(port: int, process: int, seconds: float, *headers: str) -> tuple[float, float]:
    """Requests per second by 32 connections of one thread, and the gateway's processor time for one (microseconds).

    A failed request ends the run. `process`: 0 where the time is not asked for.
    """
    before = cpu_of(process) if process else 0.0
    options = [word for header in (ASKS, *headers) for word in ("-H", header)]
    command = ("wrk", "-t1", "-c32", f"-d{seconds:.0f}s", *options, f"http://127.0.0.1:{port}/orders")
    running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said = (await running.communicate())[0].decode()
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"requests failed:\n{said}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    used = cpu_of(process) - before if process else 0.0
    return rate, used * 1e6 / int(re.search(r"(\d+) requests in", said)[1])


async def throughput(folder: Path, rounds: int, seconds: float, many: int) -> dict[str, Any]:
    """Every target, in turn, `rounds` times."""
    async with contextlib.AsyncExitStack() as stack:
        upstream, proxy, _ = await stack.enter_async_context(nginx(folder))
        origin = f"http://127.0.0.1:{upstream}"
        provider = stack.enter_context(HonestServer())
        plain, plain_process = await stack.enter_async_context(plain_envoy(folder, upstream))
        header = await stack.enter_async_context(engine(key_record("key", origin), reverse=origin))
        replay = await stack.enter_async_context(engine(token_record(provider, origin), reverse=origin))
        one = await stack.enter_async_context(engine(key_record("key", origin)))
        begun = time.perf_counter()
        all_records = await stack.enter_async_context(engine(*(many_records(many, upstream))))
        ready = time.perf_counter() - begun
        in_the_middle = f"Host: {address(many // 2)}:{upstream}"
        targets = {
            "Envoy plain": (plain, plain_process),
            "nginx, static header": (proxy, 0),
            "Envoy engine, header credential": (header.port, header.child.process_id),
            "Envoy engine, expired pattern and replay": (replay.port, replay.child.process_id),
            "Envoy engine, one record, found by Host": (
                one.port,
                one.child.process_id,
                f"Host: 127.0.0.1:{upstream}",
            ),
            f"Envoy engine, {many:,} records, found by Host": (
                all_records.port,
                all_records.child.process_id,
                in_the_middle,
            ),
        }
        figures: dict[str, list[float]] = {name: [] for name in targets}
        costs: dict[str, list[float]] = {name: [] for name in targets}
        for number in range(rounds):
            for name, (port, process, *headers) in targets.items():
                rate, cost = await wrk(port, process, seconds, *headers)
                figures[name].append(rate)
                costs[name].append(cost)
            say(
                f"round {number + 1} of {rounds}: "
                + ", ".join(f"{rates[-1]:,.0f}" for rates in figures.values())
            )
    base = figures["Envoy plain"]
    rows = {
        name: {
            "median": statistics.median(rates),
            "best": max(rates),
            "cpu_us": statistics.median(costs[name]),
            "ratio": statistics.median(rate / other for rate, other in zip(rates, base, strict=True)),
        }
        for name, rates in figures.items()
    }
    one_record, many_of_them = list(figures.values())[-2:]
    within = statistics.median(a / b for a, b in zip(many_of_them, one_record, strict=True))
    return {"rows": rows, "many": {"records": many, "ready_seconds": ready, "of_one_record": within}}


async def forward_proxies(folder: Path, rounds: int, seconds: float, mitmdump: str) -> dict[str, Any]:
    """HTTPS through forward proxies that read it and put a credential on it."""
    async with contextlib.AsyncExitStack() as stack:
        _, _, secure = await stack.enter_async_context(nginx(folder))
        origin = f"https://localhost:{secure}"
        running = await stack.enter_async_context(
            engine(
                key_record("key", origin),
                authority=Authority.made(["localhost"], utc_now),
                listen=None,
                proxy=Listen("127.0.0.1", 0),
                ca_file=str(folder / "upstream.pem"),
                speaks_h2=False,
            )
        )
        proxies = {
            "HTTPS direct": "",
            "HTTPS through the Envoy engine": f"http://authrecord:{PASSWORD}@127.0.0.1:{running.ports['forward']}",
        }
        if mitmdump:
            port = await stack.enter_async_context(mitmproxy(mitmdump, folder))
            proxies["HTTPS through mitmproxy"] = f"http://127.0.0.1:{port}"
        figures: dict[str, list[float]] = {name: [] for name in proxies}
        for number in range(rounds):
            for name, proxy in proxies.items():
                figures[name].append(await hey(f"{origin}/orders", proxy, seconds))
            last = ", ".join(f"{rates[-1]:,.0f}" for rates in figures.values())
            say(f"HTTPS, round {number + 1} of {rounds}: {last}")
    return {name: {"median": statistics.median(rates), "best": max(rates)} for name, rates in figures.items()}


def address(number: int) -> str:
    """The `number`-th address of loopback, which all lead to this machine."""
    return f"127.{1 + number // 65_536}.{number // 256 % 256}.{number % 256}"


def many_records(count: int, port: int) -> list[Record]:
    """Records for as many origins, all of which lead to one server."""
    return [key_record(f"r{number}", f"http://{address(number)}:{port}") for number in range(count)]


def resident(process: int) -> int:
    """Bytes of memory that a process holds."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) * 1024


async def memory(folder: Path, count: int) -> dict[str, Any]:
    """Bytes of Envoy for each record, of those that Envoy injects and of those whose answers are looked at."""

    async def used(*records: Record) -> int:
        async with engine(*records) as running:
            return resident(running.child.process_id)

    async with contextlib.AsyncExitStack() as stack:
        upstream, _, _ = await stack.enter_async_context(nginx(folder))
        provider = stack.enter_context(HonestServer())
        kinds = {
            "header credential": many_records(count, upstream),
            "expired pattern": [
                token_record(provider, f"http://{address(number)}:{upstream}", f"t{number}")
                for number in range(count)
            ],
        }
        return {
            name: (await used(*records) - await used(records[0])) / (count - 1)
            for name, records in kinds.items()
        }


async def rotation(folder: Path, count: int, times: int) -> dict[str, Any]:
    """Milliseconds from the moment that a new credential is there to the first request that carries it."""
    async with contextlib.AsyncExitStack() as stack:
        upstream, _, _ = await stack.enter_async_context(nginx(folder))
        begun = time.perf_counter()
        running = await stack.enter_async_context(engine(*many_records(count, upstream), workers=1))
        ready = time.perf_counter() - begun
        took = []
        for number in range(times):
            chosen = number * count // times
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            request = f"GET /echo HTTP/1.1\r\nHost: {address(chosen)}:{upstream}\r\n{ASKS}\r\n\r\n".encode()
            await ask(reader, writer, request)
            new = f"new-value-{number}"
            begun = time.perf_counter()
            running.hub.board.put(f"r{chosen}", Live(Stamp(headers=(("X-API-Key", Secret(new)),))))
            while await ask(reader, writer, request) != new.encode():
                pass
            took.append((time.perf_counter() - begun) * 1000)
            writer.close()
    return {
        "records": count,
        "ready_seconds": ready,
        "median_ms": statistics.median(took),
        "worst_ms": max(took),
    }


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The body of the answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))


async def measured(quick: bool, mitmdump: str) -> dict[str, Any]:
    """Everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rounds, seconds, many = (2, 1.0, 500) if quick else (9, 4.0, MANY)
        found = await throughput(folder, rounds, seconds, many)
        found["https"] = await forward_proxies(folder, rounds, seconds, mitmdump)
        found["memory"] = await memory(folder, 100 if quick else 2_000)
        counts = (100,) if quick else (1_000, MANY)
        found["rotation"] = [await rotation(folder, count, 10 if quick else 50) for count in counts]
    return found


def main() -> None:
    """The command."""
    parser = arguments(__doc__)
    parser.add_argument("--mitmdump", default="", help="the program of a mitmproxy, for HTTPS beside it")
    options = parser.parse_args()
    found = asyncio.run(measured(options.quick, options.mitmdump))
    rows = [
        (
            name,
            f"{row['median']:,.0f}",
            f"{row['best']:,.0f}",
            f"{row['ratio']:.2f}",
            f"{row['cpu_us']:.0f}" if row["cpu_us"] else "",
        )
        for name, row in found["rows"].items()
    ]
    print(table(("what", "requests/s", "best", "of plain Envoy", "CPU µs"), rows))
    rows = [(name, f"{row['median']:,.0f}", f"{row['best']:,.0f}") for name, row in found["https"].items()]
    print("\n" + table(("what", "requests/s", "best"), rows))
    many = found["many"]
    print(
        f"\n{many['records']:,} records: {many['of_one_record']:.2f} of one; ready in {many['ready_seconds']:.1f} s"
    )
    for name, size in found["memory"].items():
        print(f"memory of Envoy for each record, {name}: {size / 1024:.0f} KiB")
    for one in found["rotation"]:
        used = f"used after {one['median_ms']:.1f} ms (worst {one['worst_ms']:.1f})"
        print(f"{one['records']:,} records, one renewed: {used}; ready in {one['ready_seconds']:.1f} s")
    finish(found, options.json)


if __name__ == "__main__":
    main()
