"""Envoys: the engine with records of ours, in an event loop of its own thread, and a plain one beside it."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import os
import re
import statistics
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from prototype import prototype
from targets import LARGE_TWINS, PASSWORD, Stage, Target, free_port, twins

from authrecord.core.messages import Stamp
from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.authority import Authority
from authrecord.gateway.envoy.binary import find_envoy, version_of
from authrecord.gateway.envoy.engine import Engine, Settings
from authrecord.gateway.envoy.shapes import KEEPS_CASE, endpoints, extension, socket_address
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.keeper.live import Live
from authrecord.record import OAuth2, Record
from authrecord.schemes.api_key import ApiKey
from authrecord.testing import HonestServer
from authrecord.wiring import Records, make_keeper, memory_store
from authrecord.wiring import Settings as Environment

PLAIN = "Envoy, plain"
PROTOTYPE = "Envoy, 20 lines of Lua that look for a pattern, nothing else"
HEADER = "Envoy engine, header credential"
REPLAY = "Envoy engine, expired pattern and replay"
ONE = "Envoy engine, 1 record, found by Host"
MANY = "Envoy engine, 10,000 records and rules, found by Host"
PATHS = "Envoy engine, 10,000 records and rules of one origin, found by path, the last one"
SECURE = "HTTPS through the Envoy engine"
MIB = 1024 * 1024
WORKERS = 2
Result = TypeVar("Result")


def proof() -> str:
    """What a caller sends as `X-Authrecord-Token`."""
    return "Basic " + base64.b64encode(f"authrecord:{PASSWORD}".encode()).decode()


class Envoys:
    """Starts Envoys before the upstream of a stage, and ends them with `close`. `many`: records of the largest."""

    def __init__(self, stage: Stage, many: int) -> None:
        self.stage = stage
        self.many = many
        self.provider = HonestServer().start()
        self._replaying: list[Engine] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="envoys")
        self._thread.start()
        self._stack = AsyncExitStack()

    @property
    def version(self) -> str:
        """Envoy's."""
        return ".".join(map(str, version_of(find_envoy(os.environ))))

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of a coroutine that runs in the engines' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End everything."""
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self.provider.stop()

    def targets(self) -> list[Target]:
        """All that wrk asks."""
        port = self.stage.upstream_port
        upstream = self.stage.upstream
        # Two that are compared stand side by side: the pace of a machine may change within a round.
        return [
            twins(lambda: self._started(PROTOTYPE, lambda *ports: prototype(plain(*ports)))),
            twins(self._judged),
            twins(lambda: self._started(PLAIN, plain)),
            twins(lambda: _target(HEADER, self.engine(key_record("key", upstream), reverse=upstream))),
            twins(self._by_path, LARGE_TWINS),
            twins(lambda: _target(ONE, self.engine(key_record("key", upstream)), host=f"127.0.0.1:{port}")),
            twins(self._by_host, LARGE_TWINS),
        ]

    @property
    def verdicts(self) -> int:
        """How often an Envoy has asked Python about an answer."""
        return sum(engine.hub.control.verdicts for engine in self._replaying)

    def _judged(self) -> Target:
        """An engine whose answers are looked at."""
        upstream = self.stage.upstream
        self._replaying.append(self.engine(token_record(self.provider, upstream), reverse=upstream))
        return _target(REPLAY, self._replaying[-1])

    def _by_path(self) -> Target:
        """An engine with many records of one origin."""
        records = self.many_records(one_origin=True)
        return _target(PATHS, self.engine(*records, reverse=self.stage.upstream, by_path=True))

    def _by_host(self) -> Target:
        """An engine with as many origins."""
        host = f"{address(self.many // 2)}:{self.stage.upstream_port}"
        return _target(MANY, self.engine(*self.many_records()), host=host)

    def secure(self) -> tuple[str, str]:
        """Name and URL of a forward proxy that opens HTTPS to the upstream."""
        running = self.engine(
            key_record("key", f"https://localhost:{self.stage.tls_port}"),
            authority=Authority.made(["localhost"], lambda: dt.datetime.now(dt.UTC)),
            listen=None,
            proxy=Listen("127.0.0.1", 0),
            ca_file=str(self.stage.folder / "tls.pem"),
        )
        return SECURE, f"http://authrecord:{PASSWORD}@127.0.0.1:{running.ports['forward']}"

    def engine(self, *records: Record, reverse: str | None = None, **given: Any) -> Engine:
        """The engine before the records' origins, until `close`."""

        async def start() -> Engine:
            return await self._stack.enter_async_context(made(*records, reverse=reverse, **given))

        return self.run(start())

    def many_records(self, *, one_origin: bool = False) -> list[Record]:
        """Records for as many origins, all of which lead to the upstream, or for that alone."""
        port = self.stage.upstream_port
        return [
            key_record(
                f"r{number}", self.stage.upstream if one_origin else f"http://{address(number)}:{port}"
            )
            for number in range(self.many)
        ]

    def rotated(self, times: int) -> dict[str, float]:
        """Milliseconds from the moment that a record's new credential is there to the first request that has it."""
        return self.run(self._rotated(times))

    async def _rotated(self, times: int) -> dict[str, float]:
        took = []
        begun = time.perf_counter()
        async with made(*self.many_records(), workers=1) as running:
            ready = time.perf_counter() - begun
            for number in range(times):
                chosen = number * self.many // times
                host = f"{address(chosen)}:{self.stage.upstream_port}"
                reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
                head = f"GET /echo HTTP/1.1\r\nHost: {host}\r\nX-Authrecord-Token: {proof()}\r\n\r\n".encode()
                await _ask(reader, writer, head)
                new = f"new-value-{number}"
                begun = time.perf_counter()
                running.hub.board.put(f"r{chosen}", Live(Stamp(headers=(("X-API-Key", Secret(new)),))))
                while await _ask(reader, writer, head) != new.encode():
                    pass
                took.append((time.perf_counter() - begun) * 1000)
                writer.close()
        return {"median": statistics.median(took), "worst": max(took), "ready": ready}

    def _started(self, name: str, bootstrap: Callable[[int, int], dict[str, Any]]) -> Target:
        """An Envoy with a bootstrap for its port and the upstream's, which the engine has no part in."""
        port = free_port()
        file = self.stage.folder / f"{port}.json"
        file.write_text(json.dumps(bootstrap(port, self.stage.upstream_port)))
        words = [str(find_envoy(os.environ)), "-c", str(file), "--concurrency", str(WORKERS), "-l", "error"]
        process = self.stage.start(str(port), [*words, "--disable-hot-restart"], port)
        return Target(name, port, process.pid, (f"X-Authrecord-Token: {proof()}",))


def plain(port: int, upstream: int) -> dict[str, Any]:
    """The bootstrap of an Envoy that does nothing else than carry requests; header names keep their case."""
    routes = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": "api"}}]}]}  # fmt: skip
    manager = extension(
        "http", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="plain",
        codec_type="HTTP1", http_protocol_options={"header_key_format": KEEPS_CASE}, generate_request_id=False,
        http_filters=[extension("router", "filters.http.router.v3.Router")], route_config=routes,
    )  # fmt: skip
    address = socket_address("127.0.0.1", port)
    assigned = endpoints("api", socket_address("127.0.0.1", upstream))
    return {
        "static_resources": {
            "listeners": [{"name": "plain", "address": address, "filter_chains": [{"filters": [manager]}]}],
            "clusters": [{"name": "api", "type": "STATIC", "load_assignment": assigned}],
        }
    }


def made(
    *records: Record,
    reverse: str | None = None,
    authority: Authority | None = None,
    workers: int = WORKERS,
    by_path: bool = False,
    **given: Any,
) -> Engine:
    """The engine before the records' origins, not started."""
    keeper = make_keeper(Environment.read({}), base=Path("/"), store=memory_store())
    opened = Records({record.name: record for record in records}, keeper)
    found = {name: opened.authenticator(name) for name in opened}
    paths = [f"/tenants/{number}" for number in range(len(records) - 1)] + ["/orders"]
    rules = Rules(
        [
            Rule(
                records=(one.name,),
                origins=allowed_origins(one.allowed_origins),
                path=path if by_path else "/",
            )
            for one, path in zip(records, paths, strict=True)
        ]
    )
    settings = Settings(
        binary=find_envoy(os.environ),
        password=Secret(PASSWORD),
        reverse=None if reverse is None else origin_of(reverse),
        workers=workers,
        **given,
    )
    return Engine(rules, found.__getitem__, settings, authority=authority)


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


def address(number: int) -> str:
    """The `number`-th address of loopback, which all lead to this machine."""
    return f"127.{1 + number // 65_536}.{number // 256 % 256}.{number % 256}"


def _target(name: str, running: Engine, host: str = "") -> Target:
    headers = (f"X-Authrecord-Token: {proof()}", *((f"Host: {host}",) if host else ()))
    return Target(name, running.port, running.child.process_id, headers)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The body of the answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
