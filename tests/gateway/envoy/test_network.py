"""One control process serves Envoys of other machines, by mutual TLS, and nobody else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc import aio

from authrecord.core.errors import RecordFault, StoreFault
from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.callers import Tokens
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.bootstrap import Files, bootstrap, resources
from authrecord.gateway.envoy.child import Child
from authrecord.gateway.envoy.discovery import METHOD
from authrecord.gateway.envoy.doorkeeper import Doorkeeper
from authrecord.gateway.envoy.engine import Settings
from authrecord.gateway.envoy.hub import Hub
from authrecord.gateway.envoy.messages import SECRET_TYPE, DeltaDiscoveryRequest, DeltaDiscoveryResponse
from authrecord.gateway.envoy.network import Door, Reach
from authrecord.gateway.envoy.written import resources_of, write
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules
from authrecord.testing import HonestServer
from authrecord.wiring import Records, make_keeper, memory_store
from authrecord.wiring import Settings as Environment
from tests.canary_watch import Canary
from tests.gateway.envoy.stage import basic, client_record, request_for
from tests.gateway.envoy.test_callers import Book
from tests.gateway.envoy.test_engine import until
from tests.gateway.stage import Caller, Loop, Told

ANYWHERE = Listen("127.0.0.1", 0)


class Fleet:
    """A control process that listens under mutual TLS, and Envoys of machines that share no folder with it."""

    def __init__(
        self, loop: Loop, provider: HonestServer, password: str, folder: Path, tokens: Tokens | None = None
    ) -> None:
        self._loop, self._stack = loop, ExitStack()
        self.folder, self.password = folder, password
        self.own, self.envoys = trustme.CA(), trustme.CA()
        self.own.cert_pem.write_to_path(str(folder / "own.pem"))
        self.envoys.cert_pem.write_to_path(str(folder / "envoys.pem"))
        self.issue(self.own, "control", "127.0.0.1")
        records = Records(
            {"orders": client_record(provider)},
            make_keeper(Environment.read({}), base=folder, store=memory_store()),
        )
        self._stack.callback(records.close)
        self.origin = origin_of(provider.url)
        rules = Rules([Rule(records=("orders",), origins=allowed_origins([provider.url]))])
        self.asks_control = tokens is not None
        doorkeeper = None if tokens is None else Doorkeeper(None, tokens, time.monotonic)
        self.hub = Hub(rules, records.authenticator, young=0.0, doorkeeper=doorkeeper)
        self.port = loop.run(self._begin())
        self._stack.callback(lambda: loop.run(self.hub.stop()))

    @property
    def door(self) -> Door:
        """What the control process shows and asks for."""
        return Door(self.folder / "control.pem", self.folder / "control.key", self.folder / "envoys.pem")

    def issue(self, authority: trustme.CA, name: str, host: str) -> tuple[str, str]:
        """The paths of a certificate and its key, for Envoys or the control process."""
        made = authority.issue_cert(host)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        made.cert_chain_pems[0].write_to_path(str(certificate))
        made.private_key_pem.write_to_path(str(key))
        return str(certificate), str(key)

    def envoy(self, name: str) -> int:
        """Start an Envoy of another machine; the port where it listens."""
        files = Files(self.folder / name)
        files.folder.mkdir(mode=0o700)
        reach = Reach(
            "127.0.0.1", self.port, str(self.folder / "own.pem"), *self.issue(self.envoys, name, name)
        )
        settings = Settings(
            binary=find_envoy(os.environ),
            password=Secret(self.password),
            reverse=self.origin,
            asks_control=self.asks_control,
        )
        clusters, listeners = resources_of(self.hub.plan, settings, files)
        write(files.clusters, resources(clusters, "1"))
        write(files.listeners, resources(listeners, "1"))
        write(files.bootstrap, bootstrap(files, node=name, reach=reach))
        child = self._loop.run(Child.start(settings.binary, files.bootstrap, files.admin, workers=1))
        self._stack.callback(lambda: self._loop.run(child.stop()))
        self._loop.run(child.ready())
        return self._loop.run(child.ports())["reverse"]

    def get(self, port: int, proof: str = "") -> Told:
        """A request through the Envoy at `port`, with the password or another proof."""
        with Caller(port, proof or f"Basic {basic(self.password)}") as caller:
            return caller.ask(request_for("GET", "/api/orders"))

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    async def _begin(self) -> int:
        await self.hub.prepare()
        return await self.hub.serve(None, place=ANYWHERE, door=self.door)


@pytest.fixture
def fleet(loop: Loop, provider: HonestServer, canary: Canary, tmp_path: Path) -> Iterator[Fleet]:
    """A control process before that provider."""
    made = Fleet(loop, provider, canary("gateway password"), tmp_path)
    yield made
    made.close()


def test_I5_a_renewed_token_reaches_envoys_of_every_machine(fleet: Fleet, provider: HonestServer) -> None:
    ports = [fleet.envoy("one"), fleet.envoy("two")]
    assert [fleet.get(port).status for port in ports] == [200, 200]
    provider.expire_all()
    assert [fleet.get(port).status for port in ports] == [200, 200]
    assert provider.counters.token_requests == 2


def test_O25_an_envoy_that_has_a_digest_of_the_password_reads_basic_only(
    fleet: Fleet, provider: HonestServer
) -> None:
    port = fleet.envoy("one")
    good = basic(fleet.password)
    for proof in (fleet.password, f"Bearer {fleet.password}", f"Basic {basic(fleet.password, 'other')}", "x"):
        told = fleet.get(port, proof)
        assert told.status == 407
        assert told.values("www-authenticate") == ['Basic realm="authrecord"'], (
            "no URL, its query may be secret"
        )
        assert "Basic, with the user authrecord" in json.loads(told.body)["detail"]
    with Caller(port, "") as caller:
        request = request_for("GET", "/api/orders", f"Proxy-Authorization: Basic {good}").replace(
            b"$\r\n", b""
        )
        assert caller.ask(request).status == 200
    assert len(provider.api_requests) == 1


def test_N8_callers_of_a_fleet_are_known_by_api_tokens(
    loop: Loop, provider: HonestServer, canary: Canary, tmp_path: Path
) -> None:
    """The control process is asked over mutual TLS. The password of an Envoy opens nothing then."""
    book = Book()
    good, useless = canary("token of a caller"), canary("another token")
    book.tokens = {good: {"orders"}, useless: {"other"}}
    fleet = Fleet(loop, provider, canary("gateway password"), tmp_path, book)
    port = fleet.envoy("one")
    assert [fleet.get(port, proof).status for proof in (good, f"Bearer {good}", useless, "")] == [
        200, 200, 403, 403,
    ]  # fmt: skip
    del book.tokens[good]
    until(lambda: fleet.get(port, good).status == 403)
    fleet.close()


async def secrets(port: int, credentials: grpc.ChannelCredentials | None) -> list[Any]:
    """What somebody gets who asks for the record's credential there."""
    target = f"127.0.0.1:{port}"
    channel = aio.insecure_channel(target) if credentials is None else aio.secure_channel(target, credentials)
    async with channel:
        ask = channel.stream_stream(
            "/" + "/".join(METHOD),
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=DeltaDiscoveryResponse.FromString,
        )
        stream = ask(timeout=5)
        await stream.write(DeltaDiscoveryRequest(type_url=SECRET_TYPE, resource_names_subscribe=["orders"]))
        answer = await stream.read()
        stream.cancel()
        return list(answer.resources)


def test_O25_whoever_has_no_certificate_of_the_right_authority_gets_nothing(fleet: Fleet, loop: Loop) -> None:
    own = (fleet.folder / "own.pem").read_bytes()

    def credentials(authority: trustme.CA | None) -> grpc.ChannelCredentials:
        if authority is None:
            return grpc.ssl_channel_credentials(own)
        paths = fleet.issue(authority, "caller", "caller.test")
        certificate, key = (Path(path).read_bytes() for path in paths)
        return grpc.ssl_channel_credentials(own, key, certificate)

    for stranger in (None, credentials(None), credentials(trustme.CA()), credentials(fleet.own)):
        with pytest.raises(grpc.RpcError) as caught:
            loop.run(secrets(fleet.port, stranger))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(loop.run(secrets(fleet.port, credentials(fleet.envoys)))) == 1


def test_an_authority_that_is_replaced_counts_from_the_next_connection_on(fleet: Fleet, loop: Loop) -> None:
    own = (fleet.folder / "own.pem").read_bytes()
    newer = trustme.CA()
    certificate, key = (Path(path).read_bytes() for path in fleet.issue(newer, "new", "new.test"))
    credentials = grpc.ssl_channel_credentials(own, key, certificate)
    with pytest.raises(grpc.RpcError):
        loop.run(secrets(fleet.port, credentials))
    newer.cert_pem.write_to_path(str(fleet.folder / "envoys.pem"))
    assert len(loop.run(secrets(fleet.port, credentials))) == 1


def test_M17_no_address_is_listened_at_without_mutual_tls(fleet: Fleet, loop: Loop) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(RecordFault, match="mutual TLS"):
            loop.run(fleet.hub.control.start(None, place=Listen(host, 0)))


def test_files_that_cannot_be_used_are_named_at_the_start(fleet: Fleet, loop: Loop) -> None:
    def start(door: Door, port: int = 0) -> Callable[[], object]:
        return lambda: loop.run(fleet.hub.control.start(None, place=Listen("127.0.0.1", port), door=door))

    door = fleet.door
    (fleet.folder / "empty.pem").write_bytes(b"")
    with pytest.raises(RecordFault, match="certificate or its key"):
        start(Door(door.certificate, fleet.folder / "empty.pem", door.clients))()
    with pytest.raises(RecordFault, match="authority of the Envoys"):
        start(Door(door.certificate, door.key, fleet.folder / "empty.pem"))()
    with pytest.raises(StoreFault, match="cannot listen at"):
        start(door, fleet.port)()


def test_a_connection_to_the_control_process_that_died_in_silence_is_noticed(fleet: Fleet) -> None:
    reach = Reach("control.test", 18000, "/a", "/b", "/c")
    cluster = bootstrap(Files(fleet.folder), node="x", reach=reach)["static_resources"]["clusters"][0]
    options = next(iter(cluster["typed_extension_protocol_options"].values()))["explicit_http_config"]
    assert options["http2_protocol_options"]["connection_keepalive"]["interval"] == "20s"
    assert cluster["transport_socket"]["typed_config"]["sni"] == "control.test"
