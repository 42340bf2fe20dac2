"""The Envoy engine beside a plain Envoy and nginx: throughput, many records, and how soon a new credential is used.

    .venv-bench/bin/python benchmarks/gateway_envoy.py [--quick] [--json FILE]

It needs nginx and wrk (Debian packages of these names). Everything runs on loopback and shares the machine's cores
with wrk; rounds are interleaved, figures are medians, and the ratio of a row is the median of its rounds' ratios to
the plain Envoy of the same round.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from common import arguments, finish, say, table

from authrecord.core.messages import Stamp
from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.engine import Engine, Settings
from authrecord.gateway.envoy.shapes import KEEPS_CASE, endpoints, extension, socket_address
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

NGINX = """
daemon off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
  upstream api {{ server 127.0.0.1:{port}; keepalive 128; }}
  server {{ listen 0.0.0.0:{port} backlog=4096;
    location / {{ default_type application/json;
      return 200 '{{"id": 12345, "status": "open", "items": [1, 2, 3], "text": "hello world"}}'; }}
    location /echo {{ return 200 $http_x_api_key; }} }}
  server {{ listen 127.0.0.1:{proxy};
    location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-API-Key a-static-key; }} }} }}
"""  # fmt: skip


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.asynccontextmanager
async def nginx(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """An upstream, and a proxy before it; their ports."""
    port, proxy = free_port(), free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, proxy=proxy))
    process = await asyncio.create_subprocess_exec(
        "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)
    )
    try:
        await asyncio.sleep(0.5)
        yield port, proxy
    finally:
        process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def plain_envoy(folder: Path, upstream: int) -> AsyncIterator[tuple[int, int]]:
    """An Envoy that carries requests and does nothing else; its port and its process."""
    port = free_port()
    router = extension("router", "filters.http.router.v3.Router")
    routes = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": "api"}}]}]}  # fmt: skip
    manager = extension(
        "http", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="plain",
        codec_type="HTTP1", http_protocol_options={"header_key_format": KEEPS_CASE}, generate_request_id=False,
        http_filters=[router], route_config=routes,
    )  # fmt: skip
    bootstrap = {
        "static_resources": {
            "listeners": [
                {
                    "name": "plain",
                    "address": socket_address("127.0.0.1", port),
                    "filter_chains": [{"filters": [manager]}],
                }
            ],
            "clusters": [
                {
                    "name": "api",
                    "type": "STATIC",
                    "load_assignment": endpoints("api", socket_address("127.0.0.1", upstream)),
                }
            ],
        }
    }
    file = folder / "plain.json"
    file.write_text(json.dumps(bootstrap))
    process = await asyncio.create_subprocess_exec(
        str(find_envoy(os.environ)),
        "-c",
        str(file),
        "--concurrency",
        "2",
        "-l",
        "error",
        "--disable-hot-restart",
    )
    try:
        await asyncio.sleep(1.0)
        yield port, process.pid
    finally:
        process.terminate()
        await process.wait()


def key_record(name: str, origin: str) -> Record:
    """A record with a static key in a header."""
    auth = ApiKey(key="X-API-Key", value=Secret(f"value-of-{name}"))
    return Record(name=name, allowed_origins=(origin,), auth=auth)


def token_record(provider: HonestServer, origin: str) -> Record:
    """A record whose tokens are renewed, whose answers are looked at, and whose requests are sent again."""
    client = provider.register_client()
    return Record(
        name="token",
        allowed_origins=(origin,),
        auth=OAuth2(
            grant="client_credentials",
            credentials=Credentials(client_id=client.client_id, client_secret=Secret(client.secret)),
            token_exchange=TokenExchange(url=provider.token_url, expired_pattern="token (has )?expired"),
        ),
    )


def engine(*records: Record, reverse: str | None = None, workers: int = 2) -> Engine:
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
    )
    return Engine(rules, found.__getitem__, settings)


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
        upstream, proxy = await stack.enter_async_context(nginx(folder))
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


def address(number: int) -> str:
    """The `number`-th address of loopback, which all lead to this machine."""
    return f"127.{1 + number // 65_536}.{number // 256 % 256}.{number % 256}"


def many_records(count: int, port: int) -> list[Record]:
    """Records for as many origins, all of which lead to one server."""
    return [key_record(f"r{number}", f"http://{address(number)}:{port}") for number in range(count)]


async def rotation(folder: Path, count: int, times: int) -> dict[str, Any]:
    """Milliseconds from the moment that a new credential is there to the first request that carries it."""
    async with contextlib.AsyncExitStack() as stack:
        upstream, _ = await stack.enter_async_context(nginx(folder))
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


async def measured(quick: bool) -> dict[str, Any]:
    """Everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rounds, seconds, many = (2, 1.0, 500) if quick else (9, 4.0, MANY)
        found = await throughput(folder, rounds, seconds, many)
        counts = (100,) if quick else (1_000, MANY)
        found["rotation"] = [await rotation(folder, count, 10 if quick else 50) for count in counts]
    return found


def main() -> None:
    """The command."""
    options = arguments(__doc__).parse_args()
    found = asyncio.run(measured(options.quick))
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
    many = found["many"]
    print(
        f"\n{many['records']:,} records: {many['of_one_record']:.2f} of one; ready in {many['ready_seconds']:.1f} s"
    )
    for one in found["rotation"]:
        used = f"used after {one['median_ms']:.1f} ms (worst {one['worst_ms']:.1f})"
        print(f"{one['records']:,} records, one renewed: {used}; ready in {one['ready_seconds']:.1f} s")
    finish(found, options.json)


if __name__ == "__main__":
    main()
