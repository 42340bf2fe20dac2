"""Rows O of the attack catalogue at the Envoy engine, through its real listener with raw sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import httpx2

from authrecord.core.origin import allowed_origins
from authrecord.gateway.rules import Rule
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.envoy.stage import Make, basic, request_for
from tests.gateway.envoy.test_rows_credentials import key_record
from tests.gateway.stage import OK, Taken, Upstream
from tests.gateway.test_fidelity import unchunked
from tests.gateway.test_smuggling import REFUSED

MakeUpstream = Callable[..., Upstream]
MakeRecord = Callable[..., Record]


def test_O2_O25_everybody_must_say_who_they_are_and_it_never_reaches_the_upstream(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord, canary: Canary
) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    good, wrong = basic(through.password), basic(canary("wrong password"))
    refused = (
        (), ("X-Authrecord-Token: x",), (f"X-Authrecord-Token: Basic {wrong}",),
        (f"Proxy-Authorization: Basic {wrong}",),
        (f"X-Authrecord-Token: Basic {wrong}", f"Proxy-Authorization: Basic {good}"),
        ("X-Authrecord-Bypass: 1",), (f"X-Authrecord-Token: Basic {basic(through.password, 'other')}",),
        ("X-Authrecord-Token: ",), ("X-Authrecord-Token: Basic",), (f"X-Authrecord-Token: {through.password[:-1]}",),
        (f"X-Authrecord-Token: {through.password}x",), ("X-Authrecord-Token: x", f"X-Authrecord-Token: Basic {good}"),
        (f"Authorization: Basic {good}",), (f"Cookie: X-Authrecord-Token={through.password}",),
    )  # fmt: skip
    for lines in refused:
        told = through.ask(request_for("GET", "/", *lines).replace(b"$\r\n", b""))
        assert told.status == 407
        assert told.values("proxy-authenticate") == ['Basic realm="authrecord"']
        assert told.values("www-authenticate") == []
        assert json.loads(told.body)["code"] == "unknown_caller"
    assert api.taken == []
    for name in ("X-Authrecord-Token", "Proxy-Authorization"):
        for proof in (f"Basic {good}", through.password, f"Bearer {through.password}"):
            told = through.ask(request_for("GET", "/", f"{name}: {proof}").replace(b"$\r\n", b""))
            assert told.status == 200
            assert proof.encode() not in api.taken[-1].head
            assert name.lower().encode() not in api.taken[-1].head.lower()


def test_the_password_stands_in_no_file_and_envoy_does_not_show_it(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    assert through.get().status == 200
    secrets = (through.password.encode(), basic(through.password).encode())
    for file in through.engine.files.folder.iterdir():
        if file.is_file():
            assert not any(secret in file.read_bytes() for secret in secrets)
    transport = httpx2.HTTPTransport(uds=str(through.engine.files.admin))
    with httpx2.Client(transport=transport, base_url="http://envoy") as client:
        shown = client.get("/config_dump").content
    assert b"api_key_auth" in shown
    assert not any(secret in shown for secret in secrets)


def test_O3_what_connection_names_does_not_take_our_credential_away(
    upstream: MakeUpstream, envoy: Make, either_bearer: MakeRecord
) -> None:
    api = upstream()
    record = either_bearer(api.url)
    through = envoy(api.url, record)
    assert through.get().status == 200
    (ours,) = authorization(api.taken[-1])
    assert ours.startswith("Bearer ")
    if isinstance(record.auth, Bearer):
        assert ours == token_of(record)
    for named in ("Authorization", "close, authorization", "x-mine"):
        told = through.ask(request_for("POST", "/", f"Connection: {named}", body=b"abc"))
        assert told.status == 200
        assert authorization(api.taken[-1]) == [ours]
        assert api.taken[-1].body == b"abc"
        assert api.taken[-1].values("host") == [api.host]
    assert through.ask(request_for("POST", "/", "Connection: host", body=b"abc")).status == 400
    assert through.ask(request_for("POST", "/", "Connection: content-length", body=b"abc")).status == 200
    assert unchunked(api.taken[-1].body) == b"abc"


def test_O4_trailers_are_dropped_both_ways(upstream: MakeUpstream, envoy: Make, bearer: MakeRecord) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: a\r\nSet-Cookie: b\r\n\r\n"
    )
    api = upstream(reply=lambda taken: answer)
    through = envoy(api.url, bearer(api.url))
    with through.connect() as caller:
        caller.send(request_for("POST", "/", "Transfer-Encoding: chunked"))
        caller.send(b"2\r\nhi\r\n0\r\nAuthorization: evil\r\n\r\n")
        assert caller.answer().body == b"ok"
    assert api.taken[0].body == b"2\r\nhi\r\n0\r\n\r\n"


READ_BY_ENVOY = {
    "bare CR", "bare LF at the end", "bare LF in the head", "chunk data ends with LF", "chunk extension",
    "chunk size with space", "obs-fold", "obs-fold TE",
}  # fmt: skip
"""What Envoy reads without refusing it. It writes each message anew, in a form that nobody reads differently."""


def test_O5_messages_that_two_servers_read_differently_are_refused_or_written_anew(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket, upstream: Upstream) -> None:
        heads.append(connection.recv(65536).partition(b"\r\n\r\n")[0])
        connection.sendall(OK)

    api = upstream(serve=serve)
    through = envoy(api.url, bearer(api.url))
    read = set()
    for name in REFUSED:
        with through.connect() as caller:
            caller.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n$\r\n" + REFUSED[name])
            if caller.head().startswith(b"HTTP/1.1 200"):
                read.add(name)
    assert read <= READ_BY_ENVOY
    for head in heads:
        names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
        assert names.count(b"content-length") + names.count(b"transfer-encoding") == 1
        assert head.replace(b"\r\n", b"").isascii()
        assert not {b"\r", b"\n"} & {head.replace(b"\r\n", b"")[at : at + 1] for at in range(len(head))}
        assert b"smuggled" not in head


def test_O6_O8_O10_O22_where_a_request_goes_is_decided_by_the_rule_alone(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api, other = upstream(), upstream()
    through = envoy(api.url, bearer(api.url))
    for target in ("//evil.example/x", "/\\evil", "/@evil/", "/.//evil", "/%2f%2fevil"):
        assert through.get(target).status == 200
        assert api.taken[-1].line == f"GET {target} HTTP/1.1".encode()
    told = through.get(
        f"/?base_url={other.url}", f"X-Forwarded-Host: {other.host}", "X-Forwarded-Proto: https",
        "X-Original-URL: /admin", f"Forwarded: host={other.host}", f"X-Envoy-Original-Dst-Host: {other.host}",
        "X-HTTP-Method-Override: DELETE", "X-Envoy-Retry-On: 5xx", "X-Envoy-Max-Retries: 9",
    )  # fmt: skip
    assert told.status == 200
    assert api.taken[-1].values("host") == [api.host]
    assert api.taken[-1].values("x-envoy-max-retries") == []
    assert (
        through.ask(b"GET " + other.url.encode() + b"/ HTTP/1.1\r\nHost: localhost\r\n$\r\n\r\n").status
        == 404
    )
    assert other.connections == 0


def test_O10_M1_a_host_that_is_not_the_gateways_is_421(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url), names=("gateway.test",))
    answers = {
        host: through.ask(b"GET / HTTP/1.1\r\nHost: %b\r\n$\r\n\r\n" % host.encode()).status
        for host in (
            "evil.example",
            "evil.example:80",
            "localhost.evil",
            "localhost:80",
            "127.0.0.1",
            "gateway.test",
        )
    }
    assert list(answers.values()) == [421, 421, 421, 200, 200, 200]


def test_O7_O18_an_ambiguous_path_is_400_and_one_without_a_rule_404(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream()
    record = bearer(api.url)
    rules = [
        Rule(
            records=("orders",),
            origins=allowed_origins([api.url]),
            path="/public",
            methods=frozenset({"GET"}),
        ),
        Rule(records=(), origins=allowed_origins([api.url]), path="/open"),
    ]
    through = envoy(api.url, record, rules=rules)
    statuses = {
        target: through.get(target).status
        for target in (
            "/public/x?/../y", "/public", "/public/../admin", "/public/%2e%2e/admin", "/admin", "/publicity",
            "/public%2f..", "/public//x", "/public/x;y", "/open/x",
        )
    }  # fmt: skip
    assert list(statuses.values()) == [200, 200, 400, 400, 404, 404, 400, 400, 400, 200]
    assert through.ask(request_for("POST", "/public")).status == 404
    assert [authorization(taken) for taken in api.taken] == [[token_of(record)], [token_of(record)], []]
    assert json.loads(through.get("/admin").body)["code"] == "no_rule"


def test_O11_connect_trace_and_h2c_do_not_carry_a_credential(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    assert (
        through.ask(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n$\r\n\r\n").status >= 400
    )
    assert through.ask(request_for("TRACE", "/")).status == 405
    assert api.taken == []
    upgrade = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    )
    through.get("/", *upgrade)
    for taken in api.taken:
        assert taken.values("upgrade") == []


def test_O12_E1_a_redirect_is_passed_on_and_not_followed_and_carries_no_credential(
    upstream: MakeUpstream, envoy: Make, canary: Canary
) -> None:
    def reply(taken: Taken) -> bytes:
        query = taken.line.split(b" ")[1].partition(b"?")[2]
        return (
            b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/?%b#f\r\nContent-Length: 0\r\n\r\n" % query
        )

    api = upstream(reply=reply)
    through = envoy(api.url, key_record(canary, api.url, "query"))
    told = through.get("/?a=%27")
    assert (told.status, told.values("location")) == (302, ["https://evil.example/?a=%27#f"])
    assert len(api.taken) == 1


def test_O14_cookies_of_the_upstream_are_dropped_where_the_rule_says_so(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream(
        reply=lambda taken: b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX: y\r\nContent-Length: 0\r\n\r\n"
    )
    rule = Rule(records=("orders",), origins=allowed_origins([api.url]), passes_cookies=False)
    told = envoy(api.url, bearer(api.url), rules=[rule]).get()
    assert (told.values("set-cookie"), told.values("x")) == ([], ["y"])


def test_a_request_may_ask_for_no_credential(upstream: MakeUpstream, envoy: Make, bearer: MakeRecord) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    assert through.get("/", "X-Authrecord-Bypass: 1", "Authorization: Bearer mine").status == 200
    assert authorization(api.taken[0]) == ["Bearer mine"]
    assert api.taken[0].values("x-authrecord-bypass") == []


def test_an_upstream_cannot_forge_what_our_scripts_tell_each_other(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord
) -> None:
    facts = b"X-Envoy-Authrecord-Context: 1 GET 0 0\r\n"
    forged = b"X-Envoy-Authrecord-Replay: 1\r\n" + facts + b"X-Authrecord-Outcome: authenticated\r\n"
    api = upstream(reply=lambda taken: b"HTTP/1.1 200 OK\r\n" + forged + b"Content-Length: 0\r\n\r\n")
    told = envoy(api.url, provider_record(api.url)).get()
    assert len(api.taken) == 1
    assert b"authrecord" not in told.head.lower()
