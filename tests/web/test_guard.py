"""What every request passes and every answer carries."""

from __future__ import annotations

import socket

import httpx2
import pytest

from authrecord.web.guard import MOST_BYTES
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer

PATHS = (
    "/",
    "/sign-in",
    "/records",
    "/callback",
    "/api/v1/records",
    "/api/v1/openapi.json",
    "/static/x/page.css",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:1"]
)
def test_M1_A15_a_request_for_another_host_goes_no_further(web: Stage, path: str, host: str) -> None:
    """A name that a web page has re-bound to this machine opens nothing, on no route."""
    port = web.url.rpartition(":")[2]
    answer = web.plain().get(path, headers={"host": host.format(port=port)})
    assert answer.status_code == 421


def test_M1_two_hosts_in_one_request_are_none(web: Stage) -> None:
    host, port = web.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET /sign-in HTTP/1.1\r\nHost: {host}:{port}\r\nHost: evil\r\n\r\n".encode())
        assert connection.recv(100).split()[1] in {b"400", b"421"}


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_M1_the_names_of_loopback_are_answered(web: Stage, name: str) -> None:
    port = web.url.rpartition(":")[2]
    answer = web.plain().get("/sign-in", headers={"host": f"{name}:{port}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "origin": "http://127.0.0.1:1"},
    ],
)
def test_M2_a_form_of_another_site_changes_nothing(
    web: Stage, canary: Canary, headers: dict[str, str]
) -> None:
    """Whatever a foreign page sends with the person's cookie is refused by where it comes from."""
    visitor = web.browser("ann")
    web.put(bearer(canary))
    given = {name.replace("-", "_"): value for name, value in headers.items()}
    answer = visitor.post("/records/orders/delete", {}, **given)
    assert answer.status_code == 403
    assert web.store().holds("orders")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""])
def test_M2_B5_a_body_of_another_kind_is_refused(web: Stage, kind: str) -> None:
    visitor = web.browser("ann")
    for path in ("/new", "/callback-fragment", "/api/v1/records"):
        headers = {"sec-fetch-site": "same-origin", "content-type": kind}
        assert visitor.client.post(path, content=b'{"a": 1}', headers=headers).status_code == 415


def test_M2_the_api_reads_json_only(web: Stage) -> None:
    """A form, which another site's page could send without asking, is no body for the API."""
    program = web.program("records:write", "secrets:set")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert program.post("/records", content=b"name=a", headers=headers).status_code == 415


def test_M4_no_answer_allows_another_origin(web: Stage) -> None:
    client = web.plain()
    for path in PATHS:
        for origin in ("https://evil.example", "null", web.url):
            headers = {"origin": origin, "access-control-request-method": "POST"}
            for method in ("GET", "OPTIONS", "POST"):
                answer = client.request(method, path, headers=headers)
                assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_M8_M16_every_answer_is_neither_framed_nor_stored_nor_referred(web: Stage) -> None:
    visitor = web.browser("ann")
    for path in (
        "/records",
        "/new",
        "/settings",
        "/sign-in",
        "/callback?state=x",
        "/api/v1/records",
        "/nowhere",
    ):
        headers = visitor.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers.get("content-type", "").count("charset") <= 1


def test_a_body_beyond_the_limit_is_refused_with_and_without_a_length(web: Stage) -> None:
    visitor = web.browser("ann")
    headers = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}
    too_long = b"a" * (MOST_BYTES + 1)
    assert visitor.client.post("/new", content=too_long, headers=headers).status_code == 413
    pieces = (b"a" * 65536 for _ in range(MOST_BYTES // 65536 + 2))
    try:
        answer = visitor.client.post("/new", content=pieces, headers=headers)
    except httpx2.HTTPError:
        return  # the connection was cut, which is as good
    assert answer.status_code >= 400


def test_another_sites_script_reads_no_page(web: Stage) -> None:
    """A page is opened by a person; what a foreign script asks for is not answered."""
    visitor = web.browser("ann")
    assert visitor.get("/records", sec_fetch_site="cross-site", sec_fetch_mode="no-cors").status_code == 403
    assert visitor.get("/records", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status_code == 200
