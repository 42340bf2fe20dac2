"""Each bad answer of the hostile API is served as its line says: looked at byte by byte."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator

import pytest

from authrecord.testing import HOSTILE_API_ANSWERS, HostileServer
from tests.testing.raw import Answer, exchange, request

brotli = pytest.importorskip("brotli", reason="the test group of pyproject.toml has it")

Check = Callable[[Answer, str], bool]
"""Whether an answer is what it should be, given the hostile server's origin."""

LURE = "http://127.0.0.1:9"
LURE_HOST = "127.0.0.1:9"
EXPIRED = b'{"errors": [{"message": "access token expired"}]}'


def redirects(status: int, target: str = LURE + "/stolen") -> Check:
    return lambda a, url: (
        a.status == status
        and a.header("location") == target.replace("{url}", url).replace("{host}", url.partition("://")[2])
    )


def encoded(encoding: str, unpack: Callable[[bytes], bytes]) -> Check:
    return lambda a, url: a.header("content-encoding") == encoding and unpack(a.body) == EXPIRED


def zstd_unpacked(content: bytes) -> bytes:
    """The content of a frame of one raw block of fewer than 256 bytes, by RFC 8878 §3.1.1."""
    assert content[:5] == b"\x28\xb5\x2f\xfd\x20"
    block = int.from_bytes(content[6:9], "little")
    assert (block & 7, block >> 3) == (1, content[5])
    return content[9:]


def unpacks_to_300_mebibytes(answer: Answer, url: str) -> bool:
    unpacker, size, left = zlib.decompressobj(31), 0, answer.body
    while left:
        size += len(unpacker.decompress(left, 1 << 20))
        left = unpacker.unconsumed_tail
    return size == 300 << 20


EXPECTED: dict[str, Check] = {
    **{f"E1_redirect_{status}": redirects(status) for status in (301, 302, 303)},
    **{f"E5_redirect_{status}": redirects(status) for status in (307, 308)},
    "E1_redirect_to_another_name": lambda a, url: (
        a.header("location") == url.replace("127.0.0.1", "localhost") + "/stolen"
    ),
    "E2_redirect_at_home": redirects(302, "{url}/home"),
    "E3_redirect_away_and_back": redirects(302, LURE + "/redirect?to={url}/home"),
    "E6_redirect_with_user": redirects(302, f"http://user:pass@{LURE_HOST}/stolen"),
    "E6_redirect_scheme_relative": redirects(302, f"//{LURE_HOST}/stolen"),
    "E6_redirect_with_backslash": redirects(302, "{url}" + f"\\@{LURE_HOST}/stolen"),
    "E6_redirect_with_line_break": lambda a, url: f"location: {LURE}/stolen\rX-Evil: 1\r\n".encode() in a.raw,
    "E6_redirect_to_a_file": redirects(302, "file:///etc/hostname"),
    "E7_refresh_header": lambda a, url: a.header("refresh") == f"0; url={LURE}/stolen",
    "E7_meta_refresh": lambda a, url: b'http-equiv="refresh"' in a.body and LURE.encode() in a.body,
    "E8_redirect_to_another_scheme": redirects(302, "https://{host}/stolen"),
    "E9_alternative_service": lambda a, url: LURE_HOST in a.header("alt-svc"),
    "E13_digest_challenge": lambda a, url: (
        a.status == 401
        and [value.split()[0] for name, value in a.headers if name == "www-authenticate"]
        == ["Digest", "Basic"]
    ),
    "G16_redirect_to_login": redirects(302, LURE + "/login?reason=token+expired"),
    "G6_binary_expired": lambda a, url: EXPIRED in a.body and b"\xff\xfe\x00" in a.body,
    "G6_utf16_expired": lambda a, url: EXPIRED not in a.body and a.body.decode("utf-16").encode() == EXPIRED,
    "G6_wrong_charset": lambda a, url: EXPIRED in a.body and "utf-16" in a.header("content-type"),
    "G8_expired_over_the_edge": lambda a, url: a.body.index(b"expired") == 65536,
    "G9_gzip_expired": encoded("gzip", gzip.decompress),
    "G9_br_expired": encoded("br", brotli.decompress),
    "G9_zstd_expired": encoded("zstd", zstd_unpacked),
    "G9_broken_gzip": encoded("gzip", bytes),
    "G9_unknown_encoding": encoded("x-unknown", bytes),
    "G11_good_page_that_says_expired": lambda a, url: a.status == 200 and b"token expired" in a.body,
    "G14_graphql_expired": lambda a, url: a.status == 200 and a.body == EXPIRED,
    "G15_insufficient_scope": lambda a, url: (
        a.status == 401 and a.header("www-authenticate") == 'Bearer error="insufficient_scope"'
    ),
    "G7_endless": lambda a, url: a.ended == "full" and a.header("transfer-encoding") == "chunked",
    "G7_events": lambda a, url: (
        a.ended == "open" and a.header("content-type") == "text/event-stream" and b"token expired" in a.body
    ),
    "G7_upgrade": lambda a, url: a.status == 101 and a.header("upgrade") == "websocket",
    "G9_gzip_bomb": unpacks_to_300_mebibytes,
    "G17_trailers": lambda a, url: (
        a.status == 103 and b"HTTP/1.1 200 OK" in a.body and a.raw.endswith(b"x-end: token expired\r\n\r\n")
    ),
    "G17_no_content": lambda a, url: a.status == 204 and not a.body,
    "G17_not_modified": lambda a, url: a.status == 304 and not a.body,
    "G17_reset": lambda a, url: a.ended == "reset",
}


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with HostileServer(lure=LURE) as one:
        yield one


def test_the_list_here_names_every_answer_and_no_other() -> None:
    assert set(EXPECTED) == set(HOSTILE_API_ANSWERS)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_bad_answer_is_served_as_its_line_says(hostile: HostileServer, name: str) -> None:
    hostile.api_answer = name
    most = 1 << 22 if name == "G7_endless" else 1 << 20
    answer = exchange(hostile.api_url, request(hostile.api_url), most=most)
    assert EXPECTED[name](answer, hostile.url)
    explanation = HOSTILE_API_ANSWERS[name].explanation
    assert explanation
    assert "\n" not in explanation


def test_where_redirects_lead_is_good_ground(hostile: HostileServer) -> None:
    hostile.api_answer = "E1_redirect_302"
    assert exchange(hostile.url + "/home", request(hostile.url + "/home")).status == 200
    assert exchange(hostile.url + "/stolen", request(hostile.url + "/stolen")).body == b"ok"
    back = exchange(hostile.url, request(hostile.url + "/redirect?to=http://127.0.0.1:9/x&status=307"))
    assert (back.status, back.header("location")) == (307, "http://127.0.0.1:9/x")


def test_an_object_of_ones_own_is_answered_as_json(hostile: HostileServer) -> None:
    hostile.api_answer = {"fault": "session over"}
    assert json.loads(exchange(hostile.api_url, request(hostile.api_url)).body) == {"fault": "session over"}
