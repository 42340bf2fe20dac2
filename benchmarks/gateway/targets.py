"""What is measured: each target is a process that listens on a port of its own, before the same upstream."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
PASSWORD = "not-a-secret-of-anybody"
OURS = "authrecord gateway, header credential"
MANY = "authrecord gateway, 10,000 records and rules"
MITM = "mitmproxy reverse + addon"
SECURE = "HTTPS through authrecord gateway"
SECURE_MITM = "HTTPS through mitmproxy"
TOKEN = "Bearer not-a-secret-either"
BODY = '{"ok": true, "items": [1, 2, 3], "text": "0123456789012345678901234567890123456789"}'
BIN = Path(sys.executable).parent


@dataclass
class Target:
    """`headers` are what wrk sends; `process` is measured, 0 for none. The lists: one entry for each round.

    `more`: of rounds that only those had that are close to each other. `twins`: ports and processes that are started
    in the same way and take their turn, see `of_round`.
    """

    name: str
    port: int
    process: int = 0
    headers: tuple[str, ...] = ()
    rounds: list[dict[str, float]] = field(default_factory=list)
    alone: list[dict[str, float]] = field(default_factory=list)
    more: list[dict[str, float]] = field(default_factory=list)
    twins: list[tuple[int, int]] = field(default_factory=list)

    def of_round(self, number: int) -> Target:
        """The target whose turn it is. How fast a process is depends on where its pages happen to lie."""
        port, process = [(self.port, self.process), *self.twins][number % (1 + len(self.twins))]
        return replace(self, port=port, process=process)


TWINS = 8
"""Processes of each of ours that a row compares, and of the plain Envoy."""

LARGE_TWINS = 4
"""The same of those with many records, which take long to start."""


def twins(start: Callable[[], Target], processes: int = TWINS) -> Target:
    """One target out of processes that take their turn."""
    first, *others = (start() for _ in range(processes))
    return replace(first, twins=[(other.port, other.process) for other in others])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], name: str) -> None:
    for _ in range(2400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            raise SystemExit(f"{name} ended with {process.returncode}")
        time.sleep(0.05)
    raise SystemExit(f"{name} does not listen")


class Stage:
    """Starts processes in a folder, and ends them."""

    def __init__(self, folder: Path, mitmproxy: str, many: int) -> None:
        self.folder = folder
        self.many = many
        self._mitmdump = mitmproxy
        self._started: list[subprocess.Popen[bytes]] = []
        self.upstream_port, self.tls_port = free_port(), free_port()
        self.upstream = f"http://127.0.0.1:{self.upstream_port}"
        self.sink_port = free_port()
        words = [sys.executable, str(HERE / "sink.py"), str(self.sink_port)]
        self._started.append(subprocess.Popen(words))
        (folder / "big").write_bytes(b"")
        os.truncate(folder / "big", 1024**3)
        folder.chmod(0o755)
        self._nginx("upstream", self._upstream_server())
        wait_for(self.upstream_port, self._started[-1], "nginx")

    def start(self, name: str, words: list[str], port: int, **environment: str) -> subprocess.Popen[bytes]:
        log = (
            self.folder / f"{name.split(',', maxsplit=1)[0].replace(' ', '-').replace('/', '-')}.log"
        ).open("wb")
        process = subprocess.Popen(words, env={**os.environ, **environment}, stdout=log, stderr=log)
        self._started.append(process)
        wait_for(port, process, name)
        return process

    def close(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(30)

    def targets(self) -> Iterator[Target]:
        yield Target("direct to the upstream", self.upstream_port)
        yield twins(lambda: self._ours(OURS, 1))
        yield twins(lambda: self._ours(MANY, self.many), LARGE_TWINS)
        port = free_port()
        server = (
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up; proxy_http_version 1.1;"
            f' proxy_set_header Connection ""; proxy_set_header Authorization "{TOKEN}"; }} }}'
            f" upstream up {{ server 127.0.0.1:{self.upstream_port}; keepalive 64; keepalive_requests 1000000; }}"
        )
        yield Target("nginx proxy_pass, static header", port, self._nginx("static", server, workers=2).pid)
        port = free_port()
        words = [sys.executable, str(HERE / "aiohttp_proxy.py"), self.upstream, str(port), TOKEN]
        yield Target("aiohttp reverse proxy (uvloop)", port, self.start("aiohttp", words, port).pid)
        given = {"UPSTREAM": self.upstream, "TOKEN": TOKEN, "PYTHONPATH": str(HERE)}
        for workers in (1, 2):
            port = free_port()
            words = [str(BIN / "granian"), "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
            words += ["--workers", str(workers), "--no-ws", "--log-level", "error", "asgi_proxy:app"]
            name = f"raw ASGI + aiohttp client, granian, workers: {workers}"
            yield Target(name, port, self.start(f"granian-{workers}", words, port, **given).pid)
        port = free_port()
        words = [str(BIN / "uvicorn"), "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
        words += ["--no-access-log", "asgi_proxy:app"]
        name = "raw ASGI + aiohttp client, uvicorn"
        yield Target(name, port, self.start("uvicorn", words, port, **given).pid)
        if self._mitmdump:
            port = free_port()
            yield Target(MITM, port, self._mitmproxy(port, f"reverse:{self.upstream}").pid)

    def secure_targets(self) -> Iterator[tuple[str, str]]:
        """Names and proxies (empty: none) for HTTPS through a forward proxy."""
        yield "HTTPS direct", ""
        port = free_port()
        self._gateway(port, 1, "--proxy-listen")
        yield SECURE, f"http://any:{PASSWORD}@127.0.0.1:{port}"
        if self._mitmdump:
            port = free_port()
            self._mitmproxy(port, "regular")
            yield SECURE_MITM, f"http://127.0.0.1:{port}"

    def _mitmproxy(self, port: int, mode: str) -> subprocess.Popen[bytes]:
        words = [
            self._mitmdump,
            "--mode",
            mode,
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            str(port),
            "-q",
        ]
        words += ["-s", str(HERE / "mitm_addon.py"), "--set", f"confdir={self.folder / 'mitm'}"]
        words += ["--set", "ssl_insecure=true"]
        return self.start(f"mitmproxy-{port}", words, port, TOKEN=TOKEN)

    def _ours(self, name: str, records: int) -> Target:
        port = free_port()
        process = self._gateway(port, records, "--listen")
        return Target(name, port, process.pid, (f"X-Authrecord-Token: {PASSWORD}",))

    def rotating(self) -> tuple[int, int]:
        """Ports of a gateway with many records and of the API behind it, which renew them: see `rotating.py`."""
        api, port = free_port(), free_port()
        self.start("rotating", [sys.executable, str(HERE / "rotating.py"), str(api)], api)
        folder = self.folder / "rotating"
        folder.mkdir()
        lines, rules = ["records:"], ["rules:"]
        for number in range(self.many):
            auth = (
                "{type: oauth2, grant: client_credentials,"
                f" credentials: {{client_id: r{number}, client_secret: not-a-secret-either}},"
                f' token_exchange: {{url: "http://127.0.0.1:{api}/token"}}}}'
            )
            lines.append(
                f'  - {{name: r{number}, allowed_origins: ["http://127.0.0.1:{api}"], auth: {auth}}}'
            )
            rules.append(f"  - {{records: [r{number}], path: /r{number}}}")
        (folder / "authrecord.yaml").write_text("\n".join(lines) + "\n")
        (folder / "rules.yaml").write_text("\n".join(rules) + "\n")
        words = [str(BIN / "authrecord"), "--file", str(folder / "authrecord.yaml"), "gateway"]
        words += ["--rules", str(folder / "rules.yaml"), "--listen", f"127.0.0.1:{port}"]
        given = {"AUTHRECORD_GATEWAY_PASSWORD": PASSWORD, "AUTHRECORD_HOME": str(folder / "home")}
        self.start("ours-rotating", words, port, **given)
        return port, api

    def _gateway(self, port: int, records: int, option: str) -> subprocess.Popen[bytes]:
        folder = self.folder / f"ours-{port}"
        folder.mkdir()
        lines, rules = ["records:"], ["rules:"]
        for number in range(records):
            # Half of the rules speak of other hosts, half of other paths of the host that is asked; the last one fits.
            is_last, by_path = number == records - 1, number % 2
            origins = f'["https://h{number}.example.com"]'
            if is_last or by_path:
                origins = f'["{self.upstream}", "https://localhost:{self.tls_port}"]'
            auth = "{type: bearer, token: not-a-secret-either}"
            lines.append(f"  - {{name: r{number}, allowed_origins: {origins}, auth: {auth}}}")
            path = f", path: /tenants/{number}" if by_path and not is_last else ""
            rules.append(f"  - {{records: [r{number}]{path}}}")
        (folder / "authrecord.yaml").write_text("\n".join(lines) + "\n")
        (folder / "rules.yaml").write_text("\n".join(rules) + "\n")
        words = [str(BIN / "authrecord"), "--file", str(folder / "authrecord.yaml"), "gateway"]
        words += ["--rules", str(folder / "rules.yaml"), option, f"127.0.0.1:{port}"]
        words += ["--upstream", self.upstream] if option == "--listen" else []
        given = {
            "AUTHRECORD_GATEWAY_PASSWORD": PASSWORD,
            "AUTHRECORD_HOME": str(folder / "home"),
            "AUTHRECORD_CA_FILE": str(self.folder / "tls.pem"),
        }
        return self.start(f"ours-{port}", words, port, **given)

    def _upstream_server(self) -> str:
        key = self.folder / "tls.pem"
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                ),
                *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
                *("-keyout", str(self.folder / "tls.key"), "-out", str(key)),
            ],
            check=True,
            capture_output=True,
        )
        return (
            f"client_max_body_size 0; client_body_temp_path {self.folder}/upload;"
            f"server {{ listen {self.upstream_port}; listen 127.0.0.1:{self.tls_port} ssl;"
            f" ssl_certificate {key}; ssl_certificate_key {self.folder}/tls.key;"
            f" location / {{ default_type application/json; return 200 '{BODY}'; }}"
            " location /echo { return 200 $http_x_api_key; }"
            f" location /upload {{ proxy_pass http://127.0.0.1:{self.sink_port}; proxy_request_buffering off;"
            " proxy_http_version 1.1; }"
            f" location = /big {{ root {self.folder}; }} }}"
        )

    def _nginx(self, name: str, server: str, workers: int = 1) -> subprocess.Popen[bytes]:
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        file = self.folder / f"{name}.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(
            f"{user} daemon off; worker_processes {workers}; pid {self.folder}/{name}.pid;"
            f" error_log {self.folder}/{name}.error;\nevents {{ worker_connections 8192; }}\n"
            f"http {{ access_log off; keepalive_requests 100000000; {server} }}\n"
        )
        process = subprocess.Popen([program, "-c", str(file), "-p", str(self.folder)])
        self._started.append(process)
        return process
