"""Every bad answer that the hostile server knows: a name, one line of what it does, and how it is made.

The names begin with the row of the attack list that they come from, where there is one.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .messages import Received, Reply, as_html, as_json

JSON: Final = (("content-type", "application/json"),)
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scene:
    """What an answer may use: the request, a token that would be good, and an origin to lure the client to."""

    received: Received
    token: str
    lure: str

    def good(self, **values: object) -> dict[str, object]:
        """A good answer, with `values` in place of its own."""
        return {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600, **values}


Make = Callable[[Scene], Reply]


@dataclass(frozen=True, slots=True)
class HostileAnswer:
    """One bad answer. `explanation` is one line."""

    explanation: str
    make: Make


def _body(raw: bytes, *, status: int = 200, headers: tuple[tuple[str, str], ...] = JSON) -> Make:
    return lambda scene: Reply(status, headers, raw)


def _with(**values: object) -> Make:
    return lambda scene: as_json(scene.good(**values))


def _replacing(number: str) -> Make:
    """A good answer whose `expires_in` is written as `number`, which JSON libraries would not write."""
    return lambda scene: Reply(200, JSON, json.dumps(scene.good()).replace("3600", number).encode())


def _redirect(status: int) -> Make:
    return lambda scene: Reply(status, (("location", scene.lure + "/token"),))


def _error(status: int, error: str, description: str = "", *headers: tuple[str, str]) -> Make:
    return lambda scene: as_json({"error": error, "error_description": description}, status, headers)


def _without_type(scene: Scene) -> Reply:
    good = scene.good()
    del good["token_type"]
    return as_json(good)


def _endless(scene: Scene) -> Reply:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65536

    return Reply(200, JSON, chunks=chunks)


def _gibibyte(scene: Scene) -> Reply:
    async def raw() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n"
        for _ in range(1024):
            yield b" " * MIB

    return Reply(raw=raw)


def _bomb(scene: Scene) -> Reply:
    return Reply(200, (*JSON, ("content-encoding", "gzip")), gzip.compress(b" " * (300 * MIB), 9))


def _drip_body(scene: Scene) -> Reply:
    async def raw() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    return Reply(raw=raw)


def _drip_head(scene: Scene) -> Reply:
    async def raw() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        for number in range(100_000):
            yield f"x-{number}: 1\r\n".encode()
            await asyncio.sleep(0.05)

    return Reply(raw=raw)


def _silence(scene: Scene) -> Reply:
    async def raw() -> AsyncIterator[bytes]:
        await asyncio.sleep(3600)
        yield b""

    return Reply(raw=raw)


def _reset(scene: Scene) -> Reply:
    async def raw() -> AsyncIterator[bytes]:
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:  # a generator that ends before its first piece
            yield piece

    return Reply(raw=raw)


def _half(scene: Scene) -> Reply:
    async def raw() -> AsyncIterator[bytes]:
        yield b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"access_'

    return Reply(raw=raw)


def _duplicate(scene: Scene) -> Reply:
    text = f'{{"access_token": "other", "access_token": "{scene.token}", "token_type": "Bearer"}}'
    return Reply(200, JSON, text.encode())


def _form(scene: Scene) -> Reply:
    body = f"access_token={scene.token}&token_type=bearer&expires_in=3600".encode()
    return Reply(200, (("content-type", "application/x-www-form-urlencoded"),), body)


def _echo(scene: Scene) -> Reply:
    form = dict(scene.received.form)
    said = " ".join([scene.received.header("authorization"), *form.values()])
    return as_json({"error": "invalid_request", "error_description": f"cannot read: {said}"}, 400)


HOSTILE_DESCRIPTION: Final = "\x1b[31m<script>alert(1)</script>\u202e\r\nX: y " + "A" * 200_000

HOSTILE_ANSWERS: Final[Mapping[str, HostileAnswer]] = MappingProxyType(
    {
        "C1_html_login_page": HostileAnswer(
            "200 with a login page", lambda s: as_html(f"<h1>Log in</h1>{s.token}")
        ),
        "C2_empty_body": HostileAnswer("200 with nothing", _body(b"")),
        "C2_list": HostileAnswer("a JSON list", _body(b"[]")),
        "C2_string": HostileAnswer("a JSON string", _body(b'"x"')),
        "C2_null": HostileAnswer("JSON null", _body(b"null")),
        "C2_byte_order_mark": HostileAnswer(
            "a good answer behind a byte order mark",
            lambda s: Reply(200, JSON, b"\xef\xbb\xbf" + json.dumps(s.good()).encode()),
        ),
        "C2_utf16": HostileAnswer(
            "a good answer in UTF-16", lambda s: Reply(200, JSON, json.dumps(s.good()).encode("utf-16"))
        ),
        "C3_form_encoded": HostileAnswer("a good answer in form encoding", _form),
        "C4_text_plain": HostileAnswer(
            "good JSON that calls itself text/plain",
            lambda s: Reply(200, (("content-type", "text/plain"),), json.dumps(s.good()).encode()),
        ),
        "C4_no_content_type": HostileAnswer(
            "good JSON without a content type", lambda s: Reply(200, (), json.dumps(s.good()).encode())
        ),
        "C5_deep_nesting": HostileAnswer("100,000 nested lists", _body(b"[" * 100_000 + b"]" * 100_000)),
        "C5_huge_number": HostileAnswer("a number of 5,000 digits", _replacing("9" * 5000)),
        "C5_many_keys": HostileAnswer(
            "a million keys", _body(b"{" + b",".join(b'"k%d":1' % n for n in range(1_000_000)) + b"}")
        ),
        "C6_endless_body": HostileAnswer("a chunked body without an end", _endless),
        "C6_one_gibibyte": HostileAnswer("a body of 1 GiB", _gibibyte),
        "C7_gzip_bomb": HostileAnswer("300 KB that unpack to 300 MB", _bomb),
        "C8_slow_body": HostileAnswer("a byte at a time, for ever", _drip_body),
        "C8_slow_head": HostileAnswer("a header at a time, for ever", _drip_head),
        "C8_silence": HostileAnswer("no answer at all", _silence),
        "C9_reset": HostileAnswer("the connection ends after the request", _reset),
        "C9_half_an_answer": HostileAnswer("the connection ends in the body", _half),
        "C10_redirect_301": HostileAnswer("301 to another host", _redirect(301)),
        "C10_redirect_302": HostileAnswer("302 to another host", _redirect(302)),
        "C10_redirect_303": HostileAnswer("303 to another host", _redirect(303)),
        "C11_redirect_307": HostileAnswer("307 to another host", _redirect(307)),
        "C11_redirect_308": HostileAnswer("308 to another host", _redirect(308)),
        "C12_life_as_text": HostileAnswer('expires_in "3600"', _with(expires_in="3600")),
        "C12_life_as_fraction": HostileAnswer("expires_in 3599.9", _with(expires_in=3599.9)),
        "C13_life_zero": HostileAnswer("expires_in 0", _with(expires_in=0)),
        "C13_life_negative": HostileAnswer("expires_in -1", _with(expires_in=-1)),
        "C14_life_infinite": HostileAnswer("expires_in 1e400", _replacing("1e400")),
        "C14_life_nan": HostileAnswer("expires_in NaN", _replacing("NaN")),
        "C14_life_of_ages": HostileAnswer("expires_in 10^30", _with(expires_in=10**30)),
        "C14_life_true": HostileAnswer("expires_in true", _with(expires_in=True)),
        "C14_life_word": HostileAnswer('expires_in "soon"', _with(expires_in="soon")),
        "C14_life_null": HostileAnswer("expires_in null", _with(expires_in=None)),
        "C16_no_token_type": HostileAnswer("no token_type", _without_type),
        "C17_type_mac": HostileAnswer("token_type mac", _with(token_type="mac")),
        "C17_type_dpop": HostileAnswer("token_type DPoP that nobody asked for", _with(token_type="DPoP")),
        "C18_token_number": HostileAnswer("access_token is a number", _with(access_token=7)),
        "C18_token_null": HostileAnswer("access_token is null", _with(access_token=None)),
        "C18_token_empty": HostileAnswer("access_token is empty", _with(access_token="")),
        "C18_token_object": HostileAnswer("access_token is an object", _with(access_token={"value": 1})),
        "C19_token_with_line_break": HostileAnswer(
            "an access_token that would add a header",
            lambda s: as_json(s.good(access_token=s.token + "\r\nX-Evil: 1")),
        ),
        "C19_token_with_nul": HostileAnswer(
            "an access_token with NUL", lambda s: as_json(s.good(access_token=s.token + "\0"))
        ),
        "C19_token_not_ascii": HostileAnswer(
            "an access_token with é", lambda s: as_json(s.good(access_token=s.token + "é"))
        ),
        "C20_duplicate_keys": HostileAnswer("access_token twice", _duplicate),
        "C21_nested_token": HostileAnswer(
            "the token inside /data", lambda s: as_json({"ok": True, "data": s.good()})
        ),
        "C22_error_with_200": HostileAnswer("200 with an OAuth error", _error(200, "invalid_scope")),
        "C22_ok_false": HostileAnswer('200 with "ok": false', lambda s: as_json({"ok": False})),
        "C23_invalid_grant": HostileAnswer("400 invalid_grant", _error(400, "invalid_grant")),
        "C24_invalid_client": HostileAnswer("401 invalid_client", _error(401, "invalid_client")),
        "C25_too_many_requests": HostileAnswer(
            "429, Retry-After 7", _error(429, "slow_down", "", ("retry-after", "7"))
        ),
        "C25_unavailable_for_ages": HostileAnswer(
            "503, Retry-After 10^9", _error(503, "x", "", ("retry-after", "1000000000"))
        ),
        "C25_garbled_retry_after": HostileAnswer(
            "503, Retry-After soon", _error(503, "x", "", ("retry-after", "soon"))
        ),
        "C26_server_error": HostileAnswer("500 with a page", lambda s: as_html("<h1>Oops</h1>", 500)),
        "C26_bad_gateway": HostileAnswer("502 with a page", lambda s: as_html("<h1>Bad gateway</h1>", 502)),
        "C27_scope_list": HostileAnswer(
            "scope is a list, refresh_token null", _with(scope=["a", "b"], refresh_token=None)
        ),
        "C28_hostile_description": HostileAnswer(
            "an error_description with escapes, markup, bidi, 200 KB",
            _error(400, "invalid_request", HOSTILE_DESCRIPTION),
        ),
        "C29_echo": HostileAnswer("an error_description that repeats what we sent", _echo),
        "C30_cookie": HostileAnswer(
            "a good answer that sets a cookie",
            lambda s: as_json(s.good(), 200, (("set-cookie", "session=1; Path=/"),)),
        ),
        "C31_garbage_behind": HostileAnswer(
            "garbage behind the JSON", lambda s: Reply(200, JSON, json.dumps(s.good()).encode() + b"garbage")
        ),
    }
)
