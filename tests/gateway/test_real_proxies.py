"""The examples of docs/gateway.md for Caddy and Envoy, as they stand there, with the real servers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.shapes import Json, endpoints, extension, socket_address, typed
from authrecord.record import Record
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.stage import Gateway, Upstream
from tests.gateway.test_authorize import example_of
from tests.real.availability import require

Run = Callable[[int, list[str]], None]


def free_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts a server, waits until it listens at a port, and ends it after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(port: int, words: list[str]) -> None:
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        with (tmp_path / "log").open("wb") as log:
            started.append(subprocess.Popen(words, stderr=log, stdout=log, env=environment))
        pause = threading.Event()
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                assert started[-1].poll() is None, (tmp_path / "log").read_text()
                pause.wait(0.05)
            else:
                return
        pytest.fail("the server does not listen")

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


class Scene:
    """A record of an API, and the gateway's desk that gives its headers; `example` fills one of the page in."""

    def __init__(
        self,
        gateway: Callable[..., Gateway],
        upstream: Callable[..., Upstream],
        bearer: Callable[..., Record],
    ) -> None:
        self.api: Upstream = upstream()
        self.record = bearer(self.api.url)
        self.through: Gateway = gateway(self.api.url, self.record)

    def example(self, language: str) -> str:
        """The page's example, for this stage."""
        return (
            example_of("gateway.md", language)
            .replace("127.0.0.1:9080", f"127.0.0.1:{self.through.authorize_port}")
            .replace("https://api.example.com", self.api.url)
            .replace("PASSWORD", self.through.password)
        )

    def credentials(self, port: int, *, host: str) -> list[str]:
        """What the API got as `Authorization` of a request through the server at `port`."""
        request = f"GET /orders?a=b HTTP/1.1\r\nHost: {host}\r\nAuthorization: own\r\n\r\n"
        assert self.through.ask(request.encode(), port=port).status == 200
        (taken,) = self.api.taken
        assert taken.line.startswith(b"GET /orders?a=b ")
        return authorization(taken)


@pytest.fixture
def scene(
    gateway: Callable[..., Gateway], upstream: Callable[..., Upstream], bearer: Callable[..., Record]
) -> Scene:
    """See `Scene`."""
    return Scene(gateway, upstream, bearer)


def test_caddy_gets_the_headers_by_forward_auth(
    scene: Scene, run: Run, canary: Canary, tmp_path: Path
) -> None:
    program = shutil.which("caddy")
    require("" if program else "caddy is not here: install the Debian package caddy.")
    assert program is not None
    for name in ("Caddyfile", ".config/caddy/autosave.json"):  # Caddy keeps its configuration a second time
        canary.allow(scene.through.password, sink=f"file:{name}")
    port = free_port()
    file = tmp_path / "Caddyfile"
    file.write_text(
        "{\n admin off\n}\n" + scene.example("caddyfile").replace(":80 {", f"http://127.0.0.1:{port} {{", 1)
    )
    run(port, [program, "run", "--config", str(file), "--adapter", "caddyfile"])
    assert scene.credentials(port, host=f"127.0.0.1:{port}") == [token_of(scene.record)]


def test_envoy_gets_the_headers_by_ext_authz(scene: Scene, run: Run, canary: Canary, tmp_path: Path) -> None:
    canary.allow(scene.through.password, sink="file:envoy.json")
    port = free_port()
    asks = extension("authrecord", "filters.http.ext_authz.v3.ExtAuthz", transport_api_version="V3")
    asks["typed_config"].update(yaml.safe_load(scene.example("envoy")))
    route = {"match": {"prefix": "/"}, "route": {"cluster": "api"}}
    manager = extension(
        "http",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="test",
        http_filters=[asks, {"name": "router", "typed_config": typed("filters.http.router.v3.Router")}],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    )

    def cluster(name: str, at: int) -> Json:
        return {
            "name": name,
            "type": "STATIC",
            "load_assignment": endpoints(name, socket_address("127.0.0.1", at)),
        }

    listener = {"address": socket_address("127.0.0.1", port), "filter_chains": [{"filters": [manager]}]}
    clusters = [
        cluster("authrecord", scene.through.authorize_port),
        cluster("api", int(scene.api.host.partition(":")[2])),
    ]
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}}))
    run(port, [str(find_envoy(os.environ)), "-c", str(file), "--disable-hot-restart", "--concurrency", "1"])
    # The desk asks for its own name in `Host`, or for one that `--host` gave it.
    host = f"127.0.0.1:{scene.through.authorize_port}"
    assert scene.credentials(port, host=host) == [token_of(scene.record)]
