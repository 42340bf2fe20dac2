"""The server of metrics: three addresses on loopback, and nothing for anybody else."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest

from authrecord.core.errors import AuthrecordError, StoreFault, TryLater
from authrecord.metrics.counting import CONTENT_TYPE, Metrics
from authrecord.metrics.serving import MetricsServer


class Health:
    """Well, until it is told otherwise."""

    fault: AuthrecordError | None = None

    def __call__(self) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def server(health: Health) -> Iterator[MetricsServer]:
    one = MetricsServer("127.0.0.1:0", Metrics("default"), health)
    yield one
    one.close()


def ask(
    server: MetricsServer, path: str, *, method: str = "GET", host: str = ""
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return found


def test_metrics_come_as_openmetrics(server: MetricsServer) -> None:
    status, headers, text = ask(server, "/metrics")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, CONTENT_TYPE, "no-store")
    assert text.endswith("# EOF\n")
    assert server.url == f"http://127.0.0.1:{server.port}/metrics"


def test_alive_is_the_process_and_ready_is_the_store(server: MetricsServer, health: Health) -> None:
    assert [ask(server, path)[0] for path in ("/livez", "/readyz")] == [200, 200]
    health.fault = TryLater("the database at db.example.com is away.", code="store_away")
    assert ask(server, "/livez")[0] == 200
    status, _, text = ask(server, "/readyz")
    assert (status, text) == (503, "store_away\n"), "the code, and not the words"
    health.fault = None
    assert ask(server, "/readyz")[0] == 200


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_M1_its_own_names_are_answered(server: MetricsServer, name: str) -> None:
    assert ask(server, "/livez", host=f"{name}:{server.port}")[0] == 200


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/"])
def test_M1_another_name_gets_421(server: MetricsServer, path: str) -> None:
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1", f"127.0.0.1:{server.port + 1}"):
        status, headers, text = ask(server, path, host=host)
        assert (status, "authrecord_" in text) == (421, False)
        assert "Access-Control-Allow-Origin" not in headers


def test_M1_two_names_or_none_get_421(server: MetricsServer) -> None:
    own = f"Host: 127.0.0.1:{server.port}\r\n"
    for hosts in (own + own, ""):
        with socket.create_connection((server.host, server.port), timeout=10) as raw:
            raw.sendall(f"GET /metrics HTTP/1.1\r\n{hosts}\r\n".encode())
            assert b" 421 " in raw.makefile("rb").readline()


def test_other_addresses_and_methods_get_nothing(server: MetricsServer) -> None:
    assert ask(server, "/debug")[0] == 404
    assert ask(server, "/metrics?x=1")[0] == 404
    assert [ask(server, "/metrics", method=method)[0] for method in ("POST", "PUT", "DELETE")] == [501] * 3


def test_a_client_that_says_nothing_holds_nobody_up(server: MetricsServer) -> None:
    with socket.create_connection((server.host, server.port)):
        assert ask(server, "/livez")[0] == 200


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:9464",
        "[::]:9464",
        "192.0.2.1:9464",
        "example.com:9464",
        "9464",
        ":9464",
        "127.0.0.1",
        "127.0.0.1:x",
    ],
)
def test_an_address_that_is_not_on_loopback_is_refused(health: Health, address: str) -> None:
    with pytest.raises(StoreFault) as refused:
        MetricsServer(address, Metrics("default"), health)
    assert refused.value.code == "metrics_address"


def test_a_port_that_is_taken_is_told(server: MetricsServer, health: Health) -> None:
    with pytest.raises(StoreFault, match=f"127.0.0.1:{server.port}") as refused:
        MetricsServer(f"localhost:{server.port}", Metrics("default"), health)
    assert refused.value.code == "port_taken"
