"""API tokens at the Envoy engine: which records a caller may use is asked about, and remembered for a moment."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from authrecord.core.errors import RecordFault, StoreFault
from authrecord.core.origin import allowed_origins
from authrecord.core.secret import Secret
from authrecord.gateway.envoy.engine import Settings, checked
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules
from authrecord.record import Record
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.envoy.stage import EnvoyGateway, Make, basic, request_for
from tests.gateway.envoy.test_engine import until
from tests.gateway.stage import Caller, Upstream

ANYWHERE = Listen("127.0.0.1", 0)
MakeUpstream = Callable[..., Upstream]


class Book:
    """API tokens, and the records that each is for. Implements `gateway.callers.Tokens`."""

    def __init__(self) -> None:
        self.tokens: dict[str, set[str]] = {}
        self.asked = 0
        self.is_away = False

    def may_use(self, token: str, record: str) -> bool:
        """See `Tokens`."""
        self.asked += 1
        if self.is_away:
            raise StoreFault("the store is away.")
        return record in self.tokens.get(token, ())


class Stage:
    """One Envoy before two APIs, each with a record, one of which is under `/admin` of the first."""

    def __init__(
        self, envoy: Make, upstream: MakeUpstream, bearer: Callable[..., Record], canary: Canary
    ) -> None:
        self.api, self.book = upstream(), Book()
        self.records = [bearer(self.api.url, name) for name in ("orders", "admin")]
        origins = allowed_origins([self.api.url])
        rules = Rules(
            [
                Rule(records=("admin",), origins=origins, path="/admin"),
                Rule(records=("orders",), origins=origins),
            ]
        )
        self.token, self.other = canary("token of a caller"), canary("another token")
        self.book.tokens = {self.token: {"orders"}, self.other: {"orders", "admin"}}
        self.through: EnvoyGateway = envoy(
            self.api.url, *self.records, rules=rules, tokens=self.book, proxy=ANYWHERE
        )

    def status(self, target: str, *lines: str) -> int:
        """What becomes of a GET with these lines."""
        return self.through.ask(request_for("GET", target, *lines).replace(b"$\r\n", b"")).status


@pytest.fixture
def stage(envoy: Make, upstream: MakeUpstream, bearer: Callable[..., Record], canary: Canary) -> Stage:
    """See `Stage`."""
    return Stage(envoy, upstream, bearer, canary)


def test_O25_N8_a_token_opens_the_records_that_it_is_for(stage: Stage, canary: Canary) -> None:
    for line in (
        f"X-Authrecord-Token: {stage.token}", f"X-Authrecord-Token: Bearer {stage.token}",
        f"Proxy-Authorization: Basic {basic(stage.token, 'any')}",
    ):  # fmt: skip
        assert [stage.status(target, line) for target in ("/x", "/admin/x")] == [200, 403]
    assert stage.status("/admin/x", f"X-Authrecord-Token: {stage.other}") == 200
    assert stage.status("/admin/x", f"X-Authrecord-Token: Bearer {stage.through.password}") == 200
    refused = ("X-Authrecord-Token: caf\xe9", "X-Authrecord-Token:", "Authorization: x")
    assert [stage.status("/x", line) for line in refused] == [407, 407, 407]
    assert stage.status("/x", f"X-Authrecord-Token: {canary('unknown token')}") == 403
    # Without a credential: for those who may use every record of the origin.
    bare = "X-Authrecord-Bypass: 1"
    assert stage.status("/x", bare, f"X-Authrecord-Token: {stage.token}") == 403
    assert stage.status("/x", bare, f"X-Authrecord-Token: {stage.other}") == 200
    assert authorization(stage.api.taken.pop()) == []
    told = stage.through.ask(request_for("GET", "/x").replace(b"$\r\n", b""))
    assert told.values("proxy-authenticate") == ['Basic realm="authrecord"']
    assert json.loads(told.body)["code"] == "unknown_caller"
    sent = b"".join(taken.head for taken in stage.api.taken)
    assert not any(word.encode() in sent for word in (stage.token, stage.other, stage.through.password))
    assert [authorization(taken)[0] for taken in stage.api.taken] == [
        *[token_of(stage.records[0])] * 3, *[token_of(stage.records[1])] * 2,
    ]  # fmt: skip


def test_N8_inside_of_a_tunnel_each_request_is_asked_about_and_a_revoked_token_ends_there(
    stage: Stage,
) -> None:
    told, caller = stage.through.tunnel(stage.api.host, f"Proxy-Authorization: Bearer {stage.token}")

    def status(target: str) -> int:
        line = f"X-Authrecord-Token: {stage.other}"  # what stands inside decides nothing
        return caller.ask(
            f"GET {target} HTTP/1.1\r\nHost: {stage.api.host}\r\n{line}\r\n\r\n".encode()
        ).status

    with caller:
        assert told.status == 200
        assert [status(target) for target in ("/x", "/admin/x")] == [200, 403]
        stage.book.tokens = {}
        until(lambda: status("/x") == 403)
    told, caller = stage.through.tunnel(stage.api.host, "Proxy-Authorization: Bearer wrong")
    caller.socket.close()
    assert told.status == 403


def test_many_requests_of_one_caller_cost_few_questions_and_a_store_that_is_away_none_of_them(
    stage: Stage,
) -> None:
    line = f"X-Authrecord-Token: {stage.token}"
    with stage.through.connect() as caller:
        request = request_for("GET", "/x", line).replace(b"$\r\n", b"")
        statuses = {caller.ask(request).status for _ in range(100)}
        stage.book.is_away = True
        asked = stage.book.asked

        def asks_again() -> bool:
            statuses.add(caller.ask(request).status)
            return stage.book.asked > asked

        until(asks_again)
        statuses.add(caller.ask(request).status)
    assert statuses == {200}
    assert asked <= 10
    assert stage.status("/x", f"X-Authrecord-Token: {stage.other}") == 503


def test_O25_other_machines_come_in_under_tls_with_a_token(
    upstream: MakeUpstream, envoy: Make, bearer: Callable[..., Record], canary: Canary, tmp_path: Path
) -> None:
    api, book, authority = upstream(), Book(), trustme.CA()
    book.tokens = {canary("token of a caller"): {"orders"}}
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    tls = (str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))
    everywhere = Listen("0.0.0.0", 0)
    through = envoy(api.url, bearer(api.url), tokens=book, listen=everywhere, tls=tls)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    lines = [f"X-Authrecord-Token: {proof}" for proof in (next(iter(book.tokens)), through.password)]
    with Caller(through.port, "") as caller:
        caller.socket = context.wrap_socket(caller.socket, server_hostname="127.0.0.1")
        requests = [request_for("GET", "/", line).replace(b"$\r\n", b"") for line in lines]
        assert [caller.ask(request).status for request in requests] == [200, 403]


def test_O25_no_address_of_other_machines_without_tls_and_tokens(canary: Canary, tmp_path: Path) -> None:
    settings = Settings(
        binary=Path("/envoy"), password=Secret(canary("gateway password")), listen=Listen("0.0.0.0", 8443)
    )
    with pytest.raises(RecordFault, match="TLS and API tokens"):
        checked(settings, Book())
    with pytest.raises(RecordFault, match="TLS and API tokens"):
        checked(Settings(binary=Path("/envoy"), password=settings.password, proxy=settings.listen), None)
