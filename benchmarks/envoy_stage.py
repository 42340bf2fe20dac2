"""What stands around the Envoy engine while it is measured: servers, other proxies, and the load."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from authrecord.gateway.authority import Authority
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.shapes import KEEPS_CASE, endpoints, extension, socket_address

NGINX = """
daemon off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
  upstream api {{ server 127.0.0.1:{port}; keepalive 128; }}
  server {{ listen 0.0.0.0:{port} backlog=4096;
    location / {{ default_type application/json;
      return 200 '{{"id": 12345, "status": "open", "items": [1, 2, 3], "text": "hello world"}}'; }}
    location /echo {{ return 200 $http_x_api_key; }} }}
  server {{ listen 127.0.0.1:{secure} ssl backlog=4096; ssl_certificate {folder}/leaf.pem;
    ssl_certificate_key {folder}/leaf.key;
    location / {{ default_type application/json; return 200 '{{"id": 12345, "status": "open"}}'; }} }}
  server {{ listen 127.0.0.1:{proxy};
    location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-API-Key a-static-key; }} }} }}
"""  # fmt: skip


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def utc_now() -> dt.datetime:
    """The time."""
    return dt.datetime.now(dt.UTC)


@contextlib.asynccontextmanager
async def nginx(folder: Path) -> AsyncIterator[tuple[int, int, int]]:
    """An upstream, a proxy before it, and an upstream under TLS (authority: `upstream.pem`); their ports."""
    port, proxy, secure = free_port(), free_port(), free_port()
    authority = Authority.made(["localhost"], utc_now)
    chain, key = authority.leaf("localhost")
    for name, content in (("upstream.pem", authority.pem), ("leaf.pem", chain), ("leaf.key", key)):
        (folder / name).write_bytes(content)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, proxy=proxy, secure=secure))
    process = await asyncio.create_subprocess_exec(
        "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)
    )
    try:
        await asyncio.sleep(0.5)
        yield port, proxy, secure
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


@contextlib.asynccontextmanager
async def mitmproxy(mitmdump: str, folder: Path) -> AsyncIterator[int]:
    """mitmproxy as a forward proxy with the addon that one writes to put a token on each request; its port."""
    port = free_port()
    addon = Path(__file__).parent / "gateway" / "mitm_addon.py"
    words = [
        "--mode",
        "regular",
        "--listen-host",
        "127.0.0.1",
        "--listen-port",
        str(port),
        "-q",
        "-s",
        str(addon),
    ]
    words += ["--set", f"confdir={folder / 'mitm'}", "--set", "ssl_insecure=true"]
    environment = {**os.environ, "TOKEN": "Bearer a-token"}
    process = await asyncio.create_subprocess_exec(mitmdump, *words, env=environment)
    try:
        await until_open(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def until_open(port: int) -> None:
    """Wait until something listens there."""
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    sys.exit(f"nothing listens at {port}")


async def hey(url: str, proxy: str, seconds: float) -> float:
    """Requests per second by 32 connections under TLS, through a forward proxy. A failed request ends the run."""
    words = ["hey", "-c", "32", "-z", f"{seconds:.0f}s", *(["-x", proxy] if proxy else []), url]
    running = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    said = (await running.communicate())[0].decode()
    statuses = set(re.findall(r"\[(\d{3})\]\s+\d+ responses", said))
    if statuses != {"200"} or "Error distribution" in said:
        sys.exit(f"requests failed:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
