"""`authrecord envoy`, and `authrecord gateway --engine envoy`, as installed commands."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

from authrecord.gateway.envoy import admin
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.stores.gateway_figures import published
from tests.cli.desk import Desk, Shop
from tests.cli.test_gateway import begun, end, get, until


def proof(password: str) -> str:
    """How a caller proves itself to Envoy."""
    return "Basic " + base64.b64encode(f"authrecord:{password}".encode()).decode()


def test_an_envoy_carries_the_requests_and_ends_with_the_command(desk: Desk, shop: Shop) -> None:
    shop.document()
    listens_at = [
        word for option in ("--listen", "--bare-listen", "--proxy-listen") for word in (option, "127.0.0.1:0")
    ]
    log = desk.folder / "access.log"
    options = ("--engine", "envoy", "--record", "orders", "--access-log", str(log))
    process, said = begun(desk, *options, *listens_at)
    assert set(said["listens"]) == {"reverse", "bare", "forward"}
    place = said["listens"]["reverse"]
    assert get(said["listens"]["bare"], proof(said["password"]))[0] == 401
    assert said["upstream"] == shop.server.url
    assert get(place, proof(said["password"])) == (200, b'{"ok": true}')
    assert get(place, said["password"]) == (200, b'{"ok": true}')
    assert get(place, said["password"][:-1])[0] == 407
    assert end(process) == (0, b"")
    assert until(lambda: not listens(place))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["status"] for line in lines] == [401, 200, 200, 407]
    unwritable = desk.spawn("gateway", *options[:-1], str(desk.folder / "no" / "access.log"))
    assert (unwritable.code, "the access log cannot be written" in unwritable.err) == (7, True)


def listens(place: str) -> bool:
    """Whether something still answers there."""
    import socket

    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def test_config_without_a_folder_is_printed_as_one_document(desk: Desk, shop: Shop) -> None:
    shop.document()
    told = json.loads(desk.spawn("envoy", "config", "--record", "orders", "--upstream", shop.server.url).out)
    assert set(told) == {"bootstrap", "clusters", "listeners", "password"}
    names = [cluster["name"] for cluster in told["clusters"]["resources"]]
    assert names == [f"@{shop.server.url}", f"orders@{shop.server.url}"]


def test_config_and_control_serve_an_envoy_of_ones_own(desk: Desk, shop: Shop) -> None:
    shop.document()
    folder = desk.folder / "fleet"
    options = ("--record", "orders", "--folder", str(folder), "--upstream", shop.server.url)
    said = desk.spawn("--json", "envoy", "config", *options, "--listen", "127.0.0.1:0")
    password = json.loads(said.out)["password"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.json")}
    assert modes == {0o600}
    control = desk.start("envoy", "control", *options)
    envoy = subprocess.Popen(
        [find_envoy(os.environ), "-c", folder / "bootstrap.json", "--disable-hot-restart", "-l", "error"],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: bool(ports(folder)))
        assert get(f"127.0.0.1:{ports(folder)[0]}", proof(password)) == (200, b'{"ok": true}')
        control.send_signal(signal.SIGTERM)
        assert control.communicate(timeout=30)[1] == b""
        # Envoy goes on with what it holds.
        assert get(f"127.0.0.1:{ports(folder)[0]}", proof(password))[0] == 200
    finally:
        envoy.terminate()
        envoy.wait(30)


def ports(folder: Path) -> list[int]:
    """The ports that Envoy listens at, once it does."""
    if not asyncio.run(admin.is_live(folder / "admin.sock")):
        return []
    return list(asyncio.run(admin.ports(folder / "admin.sock")).values())


def test_control_needs_the_folder_of_its_envoys(desk: Desk, shop: Shop) -> None:
    shop.document()
    ended = desk.spawn("envoy", "control", "--record", "orders")
    assert ended.code == 2
    assert "--folder" in ended.err


def test_O25_control_listens_at_no_address_without_mutual_tls(desk: Desk, shop: Shop) -> None:
    shop.document()
    ended = desk.spawn("envoy", "control", "--record", "orders", "--listen", "127.0.0.1:0")
    assert ended.code == 3
    assert "mutual TLS" in ended.err


def test_config_for_another_machine_names_the_control_process_and_certificates(
    desk: Desk, shop: Shop
) -> None:
    shop.document()
    reach = ("--control", "control.test:18000", "--control-ca", "/a.pem", "--client-certificate", "/c.pem")
    options = ("envoy", "config", "--record", "orders", "--upstream", shop.server.url, *reach)
    assert "--client-key" in desk.spawn(*options).err
    written = json.loads(desk.spawn(*options, "--client-key", "/k.pem").out)
    cluster = written["bootstrap"]["static_resources"]["clusters"][0]
    text = json.dumps(cluster)
    assert all(part in text for part in ("control.test", "18000", "/a.pem", "/c.pem", "/k.pem"))
    assert cluster["transport_socket"]["name"] == "tls"


def test_it_can_be_watched_scraped_and_asked_for_headers(desk: Desk, shop: Shop) -> None:
    shop.document()
    own = ("--metrics-listen", "127.0.0.1:0", "--authorize-listen", "127.0.0.1:0", "--watch")
    bounds = ("--replay-body", "16", "--listen", "127.0.0.1:0")
    process, said = begun(desk, "--engine", "envoy", "--record", "orders", *bounds, *own)
    places = said["listens"]
    assert set(places) == {"reverse", "metrics", "authorize"}
    assert get(places["reverse"], proof(said["password"]))[0] == 200
    assert b'authrecord_gateway_requests_total{status="200"} 1' in get(places["metrics"], "", "/metrics")[1]
    asked = f"/authorize/orders?origin={shop.server.url}"
    assert get(places["authorize"], said["password"], asked)[0] == 200
    folder = str(desk.home / "authrecord" / "data")
    assert until(lambda: [one.requests for one in published(folder, time.time())] == [2])
    process.send_signal(signal.SIGTERM)
    picture, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (0, b"")
    assert b"requests/s" in picture
    assert published(folder, time.time()) == []


def test_a_unix_socket_is_for_the_embedded_engine(desk: Desk, shop: Shop) -> None:
    shop.document()
    ended = desk.spawn("gateway", "--engine", "envoy", "--record", "orders", "--listen", "unix:/tmp/x.sock")
    assert ended.code == 3
    assert "not on a Unix socket" in ended.err


def test_without_an_envoy_the_command_says_where_to_get_one(desk: Desk, shop: Shop) -> None:
    shop.document()
    desk.set("ENVOY_BIN", "/nowhere/envoy")
    ended = desk.spawn("gateway", "--engine", "envoy", "--record", "orders")
    assert ended.code == 7
    assert "authrecord[envoy]" in ended.err
