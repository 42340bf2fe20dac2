"""Rows M, N and P that are about the server as a whole: where it may connect to, what it tells, what it loads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml

from authrecord.stores.sql.audit_verifying import verify
from authrecord.testing import HostileServer
from authrecord.testing.devserver import DevServer, start
from authrecord.web.address import address_of
from authrecord.web.drawing import assets
from authrecord.web.rights import SCOPES
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer, form_of_record, stage, text_of
from tests.web.test_api import EVERYTHING, machine
from tests.web.test_outages import saved

NAME = "auth.example.com"


@pytest.fixture
def devserver(canary: Canary) -> Iterator[DevServer]:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


@pytest.fixture(scope="module")
def shared_server(session_canary: Canary) -> Iterator[Stage]:
    address = address_of("0.0.0.0", 443, has_tls=False, behind_tls_proxy=True, names=(NAME,))
    with stage(session_canary, address=address) as made:
        yield made


@pytest.fixture
def shared(shared_server: Stage, canary: Canary) -> Iterator[Stage]:
    """A server that other machines reach: what it connects to may be nobody's private network."""
    shared_server.begin(canary)
    yield shared_server
    shared_server.end()


INSIDE = (
    "http://127.0.0.1:{port}",
    "http://localhost:{port}",
    "http://[::1]:{port}",
    "http://[::ffff:127.0.0.1]:{port}",
    "http://169.254.169.254",
    "http://[fd00:ec2::254]",
    "http://10.0.0.1",
)


@pytest.mark.parametrize("place", INSIDE)
def test_M12_a_shared_server_connects_to_nobodys_private_network(
    shared: Stage, canary: Canary, place: str
) -> None:
    """By none of the ways in which somebody may name an address: token URL, issuer, and the API that is tried."""
    with HostileServer(token=canary("token")) as inside:
        origin = place.format(port=inside.url.rpartition(":")[2])
        exchange = {"url": f"{origin}/token"}
        credentials = {"client_id": "x", "client_secret": canary("client secret")}
        auth: dict[str, Any] = {
            "type": "oauth2",
            "grant": "client_credentials",
            "allow_insecure": True,
            "credentials": credentials,
        }
        shared.put(
            {"name": "token", "allowed_origins": [origin], "auth": auth | {"token_exchange": exchange}}
        )
        shared.put({"name": "issuer", "allowed_origins": [origin], "auth": auth | {"issuer": origin}})
        shared.put(bearer(canary, "api", allowed_origins=[origin]))
        program = shared.program("tokens:use")
        program.headers["host"] = NAME
        answers = [
            program.post("/records/token/token"),
            program.post("/records/issuer/token"),
            program.post("/records/token/check", json={}),
            program.post("/records/issuer/check", json={}),
            program.post("/records/api/check", json={"url": f"{origin}/latest/meta-data"}),
        ]
        for answer in answers:
            assert "may not connect" in answer.text, answer.text
        assert not inside.requests


def test_M12_somebody_at_this_machine_reaches_no_metadata_service_either(web: Stage) -> None:
    visitor = web.browser("ann")
    for host in ("169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"):
        said = text_of(visitor.post("/discover", {"text": f"https://{host}"}, hx_request="true").text)
        assert "may not connect" in said


def test_N10_beyond_loopback_nobody_is_told_what_the_api_is_like(shared: Stage) -> None:
    """The operator may serve the description there, and says so."""
    docs = shared.plain()
    docs.headers["host"] = NAME
    assert docs.get("/api/v1/openapi.json").status_code == 200, (
        "the default of the parts, which `serve` turns off"
    )
    for path in ("/schema", "/schema/openapi.json", "/docs", "/redoc", "/swagger"):
        assert docs.get(path).status_code == 404


def test_M18_the_pages_load_files_of_the_package_and_nothing_else(web: Stage, canary: Canary) -> None:
    """No address elsewhere in a template, a style or a script, and nothing that makes a script of text."""
    web.put(bearer(canary))
    visitor = web.browser("ann")
    for path in ("/records", "/new", "/records/orders", "/settings", "/welcome", "/sign-in"):
        page = visitor.get(path).text
        loaded = re.findall(r'<(?:script|link|img|iframe|source)[^>]*?(?:src|href)="([^"]+)"', page)
        assert loaded, path
        assert all(re.fullmatch(r"/static/[0-9a-f]{12}/[a-z0-9.-]+", one) for one in loaded), loaded
    for name, asset in assets().items():
        text = asset.content.decode()
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", text), name
        if name.endswith(".js") and not name.startswith("htmx"):
            assert not re.search(r"\beval\(|new Function|\.innerHTML|document\.write|import\(", text), name
    for template in (files("authrecord.web") / "templates").iterdir():
        if template.is_file():
            text = template.read_text(encoding="utf-8")
            assert not re.search(r"\|\s*safe\b|autoescape false|javascript:", text), template.name
    assert '"allowEval":false' in visitor.get("/records").text


def test_N12_what_is_exported_in_bulk_holds_no_secret_and_is_told_for_each_record(
    web: Stage, canary: Canary
) -> None:
    editor, viewer = web.browser("ann", "editor", may_reveal=True), web.browser("bob", "viewer")
    identities = {web.put(bearer(canary, name)).identity for name in ("a", "b", "c")}
    chosen = [("record", name) for name in ("a", "b", "c")] + [("what", "export")]
    assert viewer.post("/bulk", chosen).status_code == 403
    answer = editor.post("/bulk", chosen)
    canary.scan(answer.text, "export")
    exported = yaml.safe_load(answer.text)["records"]
    assert [one["name"] for one in exported] == ["a", "b", "c"]
    assert all(one["auth"]["token"].startswith("${") for one in exported)
    lines = web.site.journal.page("default", name="", after=0, limit=100)
    told = [line.entry for line in lines if line.entry.action == "record.export"]
    assert {one.record for one in told} == identities
    assert {line.actor for line in lines if line.entry.action == "record.export"} == {"web:ann"}


def test_N14_what_was_done_at_the_page_and_the_api_is_one_chain(web: Stage, canary: Canary) -> None:
    """It holds, and whoever edits, deletes or reorders a row of it is found out."""
    visitor, program = web.browser("ann"), web.program(*EVERYTHING)
    saved(visitor, bearer(canary))
    program.post("/records/orders/token")
    visitor.post("/records/orders/delete", {":revision": "1"})
    store = web.store()

    def faults() -> int:
        with web.site.backend.reading() as transaction:
            return len(verify(transaction, store.vault, "default").breaks)

    def changed(statement: str) -> None:
        with web.site.backend.writing() as transaction:
            assert transaction.change(statement) > 0

    assert faults() == 0
    changed("UPDATE audit SET actor = 'web:somebody' WHERE action = 'record.delete'")
    assert faults() > 0
    changed("UPDATE audit SET actor = 'web:ann' WHERE action = 'record.delete'")
    assert faults() == 0
    changed("DELETE FROM audit WHERE action = 'token.release'")
    assert faults() > 0


def test_N15_the_audit_log_tells_everything_and_no_value(
    web: Stage, canary: Canary, devserver: DevServer
) -> None:
    """Every kind of act at the page and the API, with secrets in each; then every column of every row is read."""
    visitor, program = web.browser("ann", may_reveal=True), web.program(*EVERYTHING)
    saved(visitor, bearer(canary))
    tag = program.get("/records/orders").headers["etag"]
    program.put("/records/orders", json=bearer(canary), headers={"if-match": tag})
    program.post("/records", json=machine(devserver))
    program.post("/records/machine/token")
    program.post("/records/orders/headers", json={"url": "http://127.0.0.1:9/x?y=z"})
    visitor.post("/records/machine/try", {"origin": devserver.server.url, "path": "/api/orders?a=b"})
    visitor.send("/records/orders/reveal", {"path": "auth.token", "password": visitor.password})
    visitor.send("/records/orders/reveal", {"path": "auth.token", "password": canary("wrong password")})
    visitor.post("/sign-in", {"name": "ann", "password": canary("another password")})
    visitor.post("/welcome", {"current": visitor.password, "password": canary("new password")})
    visitor.get(f"/callback?state={canary('state')}&code={canary('code')}", sec_fetch_site="cross-site")
    made = program.post("/api-tokens", json={"label": "ci", "scopes": ["records:read"]})
    canary.watch(made.json()["text"], "API token")
    visitor.post("/bulk", [("record", "machine"), ("what", "forget")])
    with web.site.backend.reading() as transaction:
        rows = transaction.rows("SELECT * FROM audit")
    assert len(rows) > 10
    canary.scan(repr(rows), "audit")
    told = program.get("/audit?limit=500").text
    canary.scan(told, "audit of the API")
    actions = {line["action"] for line in json.loads(told)["lines"]}
    assert {"record.create", "token.release", "headers.release", "secret.reveal", "request.try"} <= actions


RIDDLES = (
    'x\r\nat=0 action="forged"',
    "x\x1b[2Jy\x1b]0;t\x07",
    '","action":"forged","x":"',
    "x\u2028y\u202ez",
)


@pytest.mark.parametrize("riddle", RIDDLES)
def test_N16_what_people_and_programs_call_themselves_breaks_no_line(
    web: Stage, canary: Canary, caplog: pytest.LogCaptureFixture, riddle: str
) -> None:
    """In names, labels and agents: a row of the audit log stays one row, and the server's log holds none of it."""
    program, visitor = web.program(*EVERYTHING), web.browser("ann")
    agent = (
        riddle.encode("utf-8", "replace").replace(b"\r\n", b"").replace(b"\x07", b"").replace(b"\x1b", b"")
    )
    visitor.client.headers["user-agent"] = agent.decode("latin-1")
    visitor.get("/records", user_agent="x")
    visitor.post("/settings/people", {"name": riddle, "password": canary("password"), "role": "viewer"})
    visitor.post("/settings/tokens", [("label", riddle), ("scope", "records:read"), ("days", "1")])
    program.post("/api-tokens", json={"label": riddle, "scopes": ["records:read"]})
    program.post("/records", json=bearer(canary) | {"description": riddle, "tags": [riddle]})
    program.get("/records", params={"name": riddle, "after": riddle})
    saved(visitor, bearer(canary, riddle))
    answer = program.get("/audit?limit=500")
    assert "forged" not in {line["action"] for line in answer.json()["lines"]}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", answer.text)
    assert verify_chain(web)
    said = [
        record.getMessage() for record in caplog.records if record.name.startswith(("uvicorn", "authrecord"))
    ]
    assert not [line for line in said if "forged" in line or "\x1b" in line or "\u202e" in line]


def verify_chain(web: Stage) -> bool:
    with web.site.backend.reading() as transaction:
        return verify(transaction, web.store().vault, "default").holds


def test_P8_an_answer_about_faults_holds_nothing_of_what_was_sent(web: Stage, canary: Canary) -> None:
    """At every field that holds text, and in a body of another shape altogether."""
    program, wrong = web.program(*SCOPES), canary("what was sent")
    bodies: list[object] = [
        wrong,
        [wrong],
        {"name": [wrong]},
        {wrong: wrong},
        {"name": wrong + "!", "auth": wrong},
        {"name": "a", "auth": {"type": wrong, "token": wrong}},
        {"name": "a", "allowed_origins": wrong, "auth": {"type": "bearer", "token": [wrong]}},
        {"name": "a", "auth": {"type": "oauth2", "grant": wrong, "credentials": {wrong: wrong}}},
    ]
    paths = ("/records", "/api-tokens", "/records/a/headers", "/records/a/check", "/records/a/logins/answer")
    for path in paths:
        for body in bodies:
            answer = program.post(path, json=body)
            assert answer.status_code in {400, 404, 422}, (path, answer.text)
            assert answer.headers["content-type"].startswith("application/problem+json")
            canary.scan(answer.text, f"answer of {path}")


def test_P17_a_request_as_curl_holds_a_variable_in_the_credentials_place(
    web: Stage, canary: Canary, devserver: DevServer
) -> None:
    web.put(machine(devserver))
    visitor = web.browser("ann")
    tried = visitor.post("/records/machine/try", {"origin": devserver.server.url, "path": "/api/orders"}).text
    canary.scan(tried, "trial")
    (curl,) = re.findall(r'data-copy="([^"]+)"', tried)
    assert "$TOKEN" in curl


def test_P19_the_pages_of_an_error_tell_nothing_of_the_server(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    saved(visitor, bearer(canary))
    form = form_of_record(bearer(canary, "orders"))
    for answer in (
        visitor.get("/debug"),
        visitor.get("/metrics"),
        visitor.get("/schema"),
        visitor.post("/new", form),
        visitor.get("/records/nobody"),
    ):
        canary.scan(answer.text, "page of an error")
        assert "Traceback" not in answer.text
        assert "site-packages" not in answer.text
        assert answer.status_code in {404, 409}
