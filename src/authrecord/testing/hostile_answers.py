"""Every bad answer of a token endpoint that the hostile server knows: a name, one line of what it does, its maker.

The names begin with the row of the attack list that they come from, where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from . import hostile_bodies as bodies
from .hostile_scene import (
    JSON,
    HostileAnswer,
    Scene,
    body,
    good_as,
    good_with,
    good_with_life,
    good_with_token,
    location,
    oauth_error,
)
from .messages import Reply, as_html, as_json

HOSTILE_DESCRIPTION: Final = "\x1b[31m<script>alert(1)</script>\u202e\r\nX: y " + "A" * 200_000


def _without(name: str, scene: Scene) -> Reply:
    return as_json({key: value for key, value in scene.good().items() if key != name})


def _duplicate(scene: Scene) -> Reply:
    text = f'{{"access_token": "other", "access_token": "{scene.token}", "token_type": "Bearer"}}'
    return Reply(200, JSON, text.encode())


def _form(scene: Scene) -> Reply:
    content = f"access_token={scene.token}&token_type=bearer&expires_in=3600".encode()
    return Reply(200, (("content-type", "application/x-www-form-urlencoded"),), content)


def _echo(scene: Scene) -> Reply:
    form = dict(scene.received.form)
    said = " ".join([scene.received.header("authorization"), *form.values()])
    return as_json({"error": "invalid_request", "error_description": f"cannot read: {said}"}, 400)


def _retry_after(status: int, value: str) -> HostileAnswer:
    return HostileAnswer(
        f"{status}, Retry-After {value}",
        oauth_error(status, "temporarily_unavailable", "", ("retry-after", value)),
    )


_SHAPES: Final = {
    "C1_html_login_page": HostileAnswer(
        "200 with a login page", lambda s: as_html(f"<h1>Log in</h1>{s.token}")
    ),
    "C2_empty_body": HostileAnswer("200 with nothing", body(b"")),
    "C2_list": HostileAnswer("a JSON list", body(b"[]")),
    "C2_string": HostileAnswer("a JSON string", body(b'"x"')),
    "C2_null": HostileAnswer("JSON null", body(b"null")),
    "C2_byte_order_mark": HostileAnswer(
        "a good answer behind a byte order mark", good_as(lambda text: text.encode("utf-8-sig"))
    ),
    "C2_utf16": HostileAnswer("a good answer in UTF-16", good_as(lambda text: text.encode("utf-16"))),
    "C3_form_encoded": HostileAnswer("a good answer in form encoding", _form),
    "C4_text_plain": HostileAnswer(
        "good JSON that calls itself text/plain", good_as(str.encode, (("content-type", "text/plain"),))
    ),
    "C4_no_content_type": HostileAnswer("good JSON without a content type", good_as(str.encode, ())),
    "C5_deep_nesting": HostileAnswer("100,000 nested lists", body(lambda: b"[" * 100_000 + b"]" * 100_000)),
    "C5_huge_number": HostileAnswer("a number of 5,000 digits", good_with_life("9" * 5000)),
    "C5_many_keys": HostileAnswer("a million keys", body(bodies.many_keys)),
    "C6_endless_body": HostileAnswer(
        "a chunked body without an end", bodies.endless("application/json", b" " * 65536)
    ),
    "C6_one_gibibyte": HostileAnswer("a body of 1 GiB", bodies.raw(bodies.one_gibibyte)),
    "C7_gzip_bomb": HostileAnswer(
        "300 KB that unpack to 300 MB", body(bodies.gzip_bomb, headers=(*JSON, ("content-encoding", "gzip")))
    ),
    "C8_slow_body": HostileAnswer("a byte at a time, for ever", bodies.raw(bodies.slow_body)),
    "C8_slow_head": HostileAnswer("a header at a time, for ever", bodies.raw(bodies.slow_head)),
    "C8_silence": HostileAnswer("no answer at all", bodies.raw(bodies.silence)),
    "C9_reset": HostileAnswer("the connection is reset when the request was read", bodies.reset()),
    "C9_half_an_answer": HostileAnswer(
        "the connection is reset in the body",
        bodies.reset(
            b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"access_'
        ),
    ),
    "C20_duplicate_keys": HostileAnswer("access_token twice", _duplicate),
    "C21_nested_token": HostileAnswer(
        "the token inside /data", lambda s: as_json({"ok": True, "data": s.good()})
    ),
    "C31_garbage_behind": HostileAnswer(
        "garbage behind the JSON", good_as(lambda text: text.encode() + b"garbage")
    ),
}

_REDIRECTS: Final = {
    f"C{10 if status < 307 else 11}_redirect_{status}": HostileAnswer(
        f"{status} to another host", location("{lure}/token", status)
    )
    for status in (301, 302, 303, 307, 308)
}

_VALUES: Final = {
    "C12_life_as_text": HostileAnswer('expires_in "3600"', good_with(expires_in="3600")),
    "C12_life_as_fraction": HostileAnswer("expires_in 3599.9", good_with(expires_in=3599.9)),
    "C13_life_zero": HostileAnswer("expires_in 0", good_with(expires_in=0)),
    "C13_life_negative": HostileAnswer("expires_in -1", good_with(expires_in=-1)),
    "C14_life_infinite": HostileAnswer("expires_in 1e400", good_with_life("1e400")),
    "C14_life_nan": HostileAnswer("expires_in NaN", good_with_life("NaN")),
    "C14_life_of_ages": HostileAnswer("expires_in 10^30", good_with(expires_in=10**30)),
    "C14_life_true": HostileAnswer("expires_in true", good_with(expires_in=True)),
    "C14_life_word": HostileAnswer('expires_in "soon"', good_with(expires_in="soon")),
    "C14_life_list": HostileAnswer("expires_in []", good_with(expires_in=[])),
    "C14_life_null": HostileAnswer("expires_in null", good_with(expires_in=None)),
    "C15_no_life": HostileAnswer("no expires_in", lambda s: _without("expires_in", s)),
    "C16_no_token_type": HostileAnswer("no token_type", lambda s: _without("token_type", s)),
    "C17_type_mac": HostileAnswer("token_type mac", good_with(token_type="mac")),
    "C17_type_dpop": HostileAnswer("token_type DPoP that nobody asked for", good_with(token_type="DPoP")),
    "C18_token_number": HostileAnswer("access_token is a number", good_with(access_token=7)),
    "C18_token_null": HostileAnswer("access_token is null", good_with(access_token=None)),
    "C18_token_empty": HostileAnswer("access_token is empty", good_with(access_token="")),
    "C18_token_object": HostileAnswer("access_token is an object", good_with(access_token={"value": 1})),
    "C18_no_token": HostileAnswer("no access_token", lambda s: _without("access_token", s)),
    "C19_token_with_line_break": HostileAnswer(
        "an access_token that would add a header", good_with_token(lambda token: token + "\r\nX-Evil: 1")
    ),
    "C19_token_with_nul": HostileAnswer(
        "an access_token with NUL", good_with_token(lambda token: token + "\0")
    ),
    "C19_token_with_space": HostileAnswer(
        "an access_token with a space", good_with_token(lambda token: token + " x")
    ),
    "C19_token_not_ascii": HostileAnswer(
        "an access_token with é", good_with_token(lambda token: token + "é")
    ),
    "C27_scope_list": HostileAnswer(
        "scope is a list, refresh_token null", good_with(scope=["a", "b"], refresh_token=None)
    ),
    "C30_cookie": HostileAnswer(
        "a good answer that sets a cookie",
        lambda s: as_json(s.good(), 200, (("set-cookie", "session=1; Path=/"),)),
    ),
}

_ERRORS: Final = {
    "C22_error_with_200": HostileAnswer("200 with an OAuth error", oauth_error(200, "invalid_scope")),
    "C22_ok_false": HostileAnswer('200 with "ok": false', lambda s: as_json({"ok": False})),
    "C23_invalid_grant": HostileAnswer("400 invalid_grant", oauth_error(400, "invalid_grant")),
    "C24_invalid_client": HostileAnswer("401 invalid_client", oauth_error(401, "invalid_client")),
    "C25_too_many_requests": _retry_after(429, "7"),
    "C25_unavailable_till_a_date": _retry_after(503, "Fri, 31 Dec 2100 23:59:59 GMT"),
    "C25_unavailable_since_a_date": _retry_after(503, "Fri, 31 Dec 1999 23:59:59 GMT"),
    "C25_unavailable_for_less_than_nothing": _retry_after(503, "-1"),
    "C25_unavailable_for_ages": _retry_after(503, "1000000000"),
    "C25_garbled_retry_after": _retry_after(503, "soon"),
    "C26_server_error": HostileAnswer("500 with a page", lambda s: as_html("<h1>Oops</h1>", 500)),
    "C26_bad_gateway": HostileAnswer("502 with a page", lambda s: as_html("<h1>Bad gateway</h1>", 502)),
    "C26_gateway_timeout": HostileAnswer("504 with a page", lambda s: as_html("<h1>Too late</h1>", 504)),
    "C28_hostile_description": HostileAnswer(
        "an error_description with escapes, markup, bidi, 200 KB",
        oauth_error(400, "invalid_request", HOSTILE_DESCRIPTION),
    ),
    "C28_hostile_error": HostileAnswer(
        "an error code with escapes and markup", oauth_error(400, "\x1b[2J<b>x</b>\u202e\r\n")
    ),
    "C29_echo": HostileAnswer("an error_description that repeats what we sent", _echo),
}

HOSTILE_ANSWERS: Final[Mapping[str, HostileAnswer]] = MappingProxyType(
    _SHAPES | _REDIRECTS | _VALUES | _ERRORS
)
"""The bad answers of `/token`, by name."""
