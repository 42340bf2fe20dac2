"""What a page of another origin tries against ours, in a real browser: requests, frames, a re-bound name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import pytest

from tests.canary_watch import Canary
from tests.real.browser import HeadlessChromium
from tests.web.browsing import entered, ran
from tests.web.stage import Stage, bearer
from tests.web.test_matrix import TABLE
from tests.web.test_matrix_pages import JSON, ROUTES, filled

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BLOCKED: Final = "chrome-error://chromewebdata/"
"""What stands in a frame whose page may not be framed."""


@dataclass(frozen=True)
class Origin:
    """Somebody else's web server: `page` is what it shows."""

    server: ThreadingHTTPServer

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.server_address[1])


@pytest.fixture
def origin(web: Stage) -> Iterator[Origin]:
    """A page that tries everything that a page can try against ours."""
    content = attacking_page(web.url).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the library's
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Origin(server)
    server.shutdown()
    server.server_close()


def targets() -> list[str]:
    """Every address of ours that changes something."""
    posts = [filled(path, "orders") for method, path, _ in ROUTES if method == "POST"]
    api = [filled(path.replace("{name}", "orders"), "") for method, path in TABLE if method == "POST"]
    return posts + [f"/api/v1{path}" for path in api]


def attacking_page(ours: str) -> str:
    return (
        "<!doctype html><body><script>"
        f"const ours = {json.dumps(ours)}, targets = {json.dumps(targets())};"
        """
        const sink = document.createElement("iframe");
        sink.name = "sink";
        document.body.append(sink);
        const form = (target, fields) => {
          const made = document.createElement("form");
          Object.assign(made, { action: ours + target, method: "post", target: "sink" });
          for (const [name, value] of fields) {
            const field = document.createElement("input");
            Object.assign(field, { name, value });
            made.append(field);
          }
          document.body.append(made);
          const ended = new Promise((done) => { sink.onload = done; setTimeout(done, 3000); });
          made.submit();
          return ended;
        };
        const tried = [];
        for (const target of targets) {
          const send = (body, type, mode) => tried.push(
            fetch(ours + target, { method: "POST", body, mode, credentials: "include", headers: type })
              .then((answer) => answer.type === "opaque" ? "opaque" : "READ", () => "failed"));
          send("word=stop&name=evil", { "Content-Type": "application/x-www-form-urlencoded" }, "no-cors");
          send('{"path":"auth.token"}', { "Content-Type": "text/plain" }, "no-cors");
          send('{"path":"auth.token"}', { "Content-Type": "application/json" }, "cors");
          send(new FormData(), {}, "no-cors");
        }
        for (const path of ["/records/orders", "/callback", "/sign-in"]) {
          const frame = document.createElement("iframe");
          frame.src = ours + path;
          frame.className = "framed";
          document.body.append(frame);
          const image = new Image();
          image.src = ours + path;
          tried.push(fetch(ours + path, { credentials: "include" }).then(() => "READ", () => "failed"));
        }
        const forms = async () => {
          const fields = [["word", "stop"], ["what", "forget"], ["record", "orders"]];
          for (const target of targets) await form(target, fields);
        };
        window.outcome = Promise.all([...tried, forms().then(() => "posted")]);
        """
        "</script>"
    )


def everything(web: Stage) -> list[object]:
    """All that is stored, but for when a session was used last."""
    with web.site.backend.reading() as transaction:
        return [
            transaction.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
            for table in ("records", "secrets", "tokens", "people", "members", "api_tokens")
        ]


@pytest.mark.parametrize("host", ["evil.attacker.example", "127.0.0.1"])
def test_M2_M4_M8_B9_a_page_of_another_origin_changes_reads_and_frames_nothing(
    web: Stage, canary: Canary, origin: Origin, chromium: HeadlessChromium, host: str
) -> None:
    """From another site, and from another port of this machine, where the browser sends the person's cookie along."""
    web.put(bearer(canary))
    answered: list[tuple[str, str, int]] = []
    posts: list[tuple[str, str, int]] = []
    asked: list[str] = []

    def walk(browser: Browser) -> tuple[set[str], set[str], int]:
        frames: set[str] = set()
        context = browser.new_context()
        page = context.new_page()
        entered(page, web, "ann", may_reveal=True)
        page.on(
            "response",
            lambda response: answered.append((response.request.method, response.url, response.status)),
        )
        page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        before = everything(web)
        page.goto(f"http://{host}:{origin.port}/", wait_until="commit")
        outcome = set(page.evaluate("window.outcome"))
        for _ in range(50):
            frames = {frame.url for frame in page.frames if frame is not page.main_frame}
            if frames == {BLOCKED}:
                break
            page.wait_for_timeout(200)
        same = everything(web) == before
        posts.extend(one for one in answered if one[0] == "POST")
        page.goto(f"{web.url}/records/orders")
        still = page.locator("h1").inner_text()
        context.close()
        return outcome, frames, int(same and still == "orders")

    outcome, frames, untouched = ran(chromium, walk)
    assert untouched, "something was changed, or the person is no longer signed in"
    assert "READ" not in outcome
    assert frames == {BLOCKED}
    assert {action for action, _ in web.told()} <= {"record.create", "session.begin", "callback.reject"}
    for target in targets():
        assert asked.count(f"POST {web.url}{target}") >= 4, target
    assert {status for _, _, status in posts} <= {403, 405, 415}, posts


def test_M1_a_name_that_is_bound_to_this_machine_opens_nothing(
    web: Stage, chromium: HeadlessChromium
) -> None:
    """Rebinding in a real browser: another name leads here, and what it gets is not our page."""
    port = web.url.rpartition(":")[2]
    paths = [
        "/",
        "/api/v1/openapi.json",
        *{filled(path, "orders") for method, path, _ in ROUTES if method == "GET"},
    ]

    def walk(browser: Browser) -> set[int]:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://rebound.attacker.example:{port}/records")
        statuses = page.evaluate(
            "paths => Promise.all(paths.map(path => fetch(path).then(answer => answer.status)))", paths
        )
        context.close()
        return set(statuses)

    assert ran(chromium, walk) == {421}


def test_the_targets_are_all_that_changes_something() -> None:
    assert {"/records/orders/delete", "/settings/kill", "/callback-fragment", "/api/v1/records"} <= set(
        targets()
    )
    assert {filled(path, "orders") for path in JSON} <= set(targets())
