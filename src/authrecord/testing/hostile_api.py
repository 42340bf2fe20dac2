"""Bad answers of the API side: redirects, ways to say "expired", encodings, streams that never end."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from . import hostile_bodies as bodies
from .hostile_scene import JSON, HostileAnswer, Make, Scene, body, location, on_the_wire
from .messages import Reply, as_html, as_json

EXPIRED: Final = b'{"errors": [{"message": "access token expired"}]}'
"""What an expired answer of these tables says; a record's pattern may look for `token expired`."""

EDGE: Final = 64 * 1024
"""Bytes of a body that a record looks at."""

_OCTETS: Final = "application/octet-stream"


def _encoded(encoding: str, content: bytes) -> Make:
    return body(content, headers=(*JSON, ("content-encoding", encoding)))


def _other_scheme(scene: Scene) -> Reply:
    scheme, _, host = scene.url.partition("://")
    other = "http" if scheme == "https" else "https"
    return Reply(302, (("location", f"{other}://{host}/stolen"),))


def _other_name(scene: Scene) -> Reply:
    """The same machine and port under another name is another origin."""
    return Reply(302, (("location", scene.url.replace("127.0.0.1", "localhost") + "/stolen"),))


def _split_location(scene: Scene) -> Reply:
    head = b"HTTP/1.1 302 Found\r\nlocation: " + scene.lure.encode() + b"/stolen\rX-Evil: 1\r\n"
    return on_the_wire(head + b"content-length: 0\r\nconnection: close\r\n\r\n")(scene)


_REDIRECTS: Final = {
    **{
        f"{'E5' if status > 303 else 'E1'}_redirect_{status}": HostileAnswer(
            f"{status} to another origin", location("{lure}/stolen", status)
        )
        for status in (301, 302, 303, 307, 308)
    },
    "E1_redirect_to_another_name": HostileAnswer("302 to localhost instead of 127.0.0.1", _other_name),
    "E2_redirect_at_home": HostileAnswer("302 within the same origin", location("{url}/home")),
    "E3_redirect_away_and_back": HostileAnswer(
        "302 to another origin, whose /redirect leads back", location("{lure}/redirect?to={url}/home")
    ),
    "E6_redirect_with_user": HostileAnswer(
        "a Location with user information", location("http://user:pass@{lure_host}/stolen")
    ),
    "E6_redirect_scheme_relative": HostileAnswer(
        "a Location that begins with //", location("//{lure_host}/stolen")
    ),
    "E6_redirect_with_backslash": HostileAnswer(
        "a Location that parsers read differently", location("{url}\\@{lure_host}/stolen")
    ),
    "E6_redirect_with_line_break": HostileAnswer("a Location with a carriage return", _split_location),
    "E6_redirect_to_a_file": HostileAnswer("a Location that is a file", location("file:///etc/hostname")),
    "E7_refresh_header": HostileAnswer(
        "a Refresh header", lambda s: Reply(200, (("refresh", f"0; url={s.lure}/stolen"),), b"ok")
    ),
    "E7_meta_refresh": HostileAnswer(
        "a page that refreshes itself elsewhere",
        lambda s: as_html(f'<meta http-equiv="refresh" content="0; url={s.lure}/stolen">'),
    ),
    "E8_redirect_to_another_scheme": HostileAnswer("302 from http to https, or back", _other_scheme),
    "E9_alternative_service": HostileAnswer(
        "an Alt-Svc header that names another place",
        lambda s: Reply(200, (("alt-svc", f'h2="{s.lure.partition("://")[2]}"; ma=86400'),), b"ok"),
    ),
    "E13_digest_challenge": HostileAnswer(
        "401 that asks for Digest and Basic",
        lambda s: Reply(
            401,
            (
                ("www-authenticate", 'Digest realm="x", nonce="abc", qop="auth", algorithm=SHA-256'),
                ("www-authenticate", 'Basic realm="x"'),
            ),
        ),
    ),
    "G16_redirect_to_login": HostileAnswer(
        "302 to the login page of another origin", location("{lure}/login?reason=token+expired")
    ),
}

_EXPIRED: Final = {
    "G6_binary_expired": HostileAnswer(
        "an expired message among bytes",
        body(b"\xff\xfe\x00" + EXPIRED + b"\x80", headers=(("content-type", _OCTETS),)),
    ),
    "G6_utf16_expired": HostileAnswer(
        "an expired message in UTF-16",
        body(EXPIRED.decode().encode("utf-16"), headers=(("content-type", "text/plain; charset=utf-16"),)),
    ),
    "G6_wrong_charset": HostileAnswer(
        "an expired message in UTF-8 that says it is UTF-16",
        body(EXPIRED + "é".encode(), headers=(("content-type", "text/plain; charset=utf-16"),)),
    ),
    "G8_expired_over_the_edge": HostileAnswer(
        "an expired message that begins in the first 64 KiB and ends behind them",
        body(lambda: b" " * (EDGE - EXPIRED.index(b"expired")) + EXPIRED),
    ),
    "G9_gzip_expired": HostileAnswer("an expired message in gzip", _encoded("gzip", gzip.compress(EXPIRED))),
    "G9_br_expired": HostileAnswer(
        "an expired message in Brotli", _encoded("br", bodies.brotli_stored(EXPIRED))
    ),
    "G9_zstd_expired": HostileAnswer(
        "an expired message in Zstandard", _encoded("zstd", bodies.zstd_stored(EXPIRED))
    ),
    "G9_broken_gzip": HostileAnswer("a body that says gzip and is none", _encoded("gzip", EXPIRED)),
    "G9_unknown_encoding": HostileAnswer("an encoding that nobody knows", _encoded("x-unknown", EXPIRED)),
    "G11_good_page_that_says_expired": HostileAnswer(
        "200, always, with a user's text that says token expired",
        lambda s: as_json({"ok": True, "title": "What to do when the access token expired"}),
    ),
    "G14_graphql_expired": HostileAnswer("200 with a GraphQL error that says expired", body(EXPIRED)),
    "G15_insufficient_scope": HostileAnswer(
        "401 that misses a scope, and is not about expiry",
        lambda s: as_json(
            {"error": "insufficient_scope"}, 401, (("www-authenticate", 'Bearer error="insufficient_scope"'),)
        ),
    ),
}

_BODIES: Final = {
    "G7_endless": HostileAnswer("a body without an end", bodies.endless(_OCTETS, b"x" * 16384)),
    "G7_events": HostileAnswer(
        "an event stream that says expired and stays open",
        bodies.then_silence("text/event-stream", b"data: access token expired\n\n"),
    ),
    "G7_upgrade": HostileAnswer(
        "101, as for a web socket",
        on_the_wire(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
    ),
    "G9_gzip_bomb": HostileAnswer(
        "300 MB in gzip", body(bodies.gzip_bomb, headers=(*JSON, ("content-encoding", "gzip")))
    ),
    "G17_trailers": HostileAnswer(
        "early hints, and trailers behind a chunked body",
        on_the_wire(
            b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\nconnection: close\r\n\r\n",
            b"2\r\nok\r\n0\r\nx-end: token expired\r\n\r\n",
        ),
    ),
    "G17_no_content": HostileAnswer("204", body(b"", status=204, headers=())),
    "G17_not_modified": HostileAnswer("304", body(b"", status=304, headers=())),
    "G17_reset": HostileAnswer(
        "the connection is reset in the body",
        bodies.reset(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf of"),
    ),
}

HOSTILE_API_ANSWERS: Final[Mapping[str, HostileAnswer]] = MappingProxyType(_REDIRECTS | _EXPIRED | _BODIES)
"""The bad answers of every path that is not a path of the authorization server, by name."""
