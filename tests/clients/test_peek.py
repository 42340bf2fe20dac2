"""G7, G9: the beginning of a body, decoded within bounds."""

from __future__ import annotations

import gzip
import zlib
from uuid import uuid4

import pytest

from authrecord.clients.peek import RAW_BYTES, Peek
from authrecord.core.expiry import BODY_BYTES


def seen(codings: list[str], body: bytes, size: int = 1000) -> bytes:
    peek = Peek(codings)
    for start in range(0, len(body), size):
        if peek.feed(body[start : start + size]):
            break
    return peek.body


TEXT = bytes(range(256)) * 100


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("codings", "body"),
    [
        ([], TEXT),
        (["identity"], TEXT),
        (["GZIP"], gzip.compress(TEXT)),
        (["x-gzip"], gzip.compress(TEXT)),
        (["identity, gzip"], gzip.compress(TEXT)),
        (["deflate"], zlib.compress(TEXT)),
    ],
)
def test_G9_known_codings_are_decoded_however_they_arrive(codings: list[str], body: bytes, size: int) -> None:
    assert seen(codings, body, size) == TEXT


def test_G9_a_bare_deflate_stream_is_decoded() -> None:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert seen(["deflate"], compressor.compress(TEXT) + compressor.flush()) == TEXT


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_G9_brotli_and_zstandard_are_decoded_where_their_library_is_there(name: str) -> None:
    if name == "br":
        import brotli

        body = brotli.compress(TEXT)
    else:
        from backports import zstd

        body = zstd.compress(TEXT)
    assert seen([name], body) == TEXT


@pytest.mark.parametrize("codings", [["compress"], ["gzip", "gzip"], ["gzip, br"], ["rot13"]])
def test_G9_what_cannot_be_decoded_matches_nothing(codings: list[str]) -> None:
    peek = Peek(codings)
    assert not peek.can_decode
    assert peek.feed(b"expired")
    assert peek.body == b""


def test_G9_a_body_that_is_not_what_its_header_says_matches_nothing() -> None:
    assert seen(["gzip"], b"expired") == b""
    assert seen(["gzip"], gzip.compress(TEXT)[:200] + b"\xff" * 500) == b""


def test_G9_a_bomb_is_decoded_to_64_KiB_only() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) > 40_000
    peek = Peek(["gzip"])
    assert peek.feed(bomb)
    assert len(peek.body) == BODY_BYTES


def test_G7_a_raw_body_that_decodes_to_nothing_is_given_up() -> None:
    empty_blocks = zlib.compressobj(wbits=31)
    head = empty_blocks.compress(b"")
    peek = Peek(["gzip"])
    peek.feed(head)
    block = empty_blocks.flush(zlib.Z_FULL_FLUSH)
    while not peek.feed(block * 1000):
        pass
    assert peek.body == b""
    assert peek._raw <= RAW_BYTES + len(block) * 1000


def test_G9_a_coding_that_cannot_be_read_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    coding = f"made-up-{uuid4().hex}"
    with caplog.at_level("WARNING", "authrecord"):
        Peek([coding])
        Peek([coding])
    assert [coding in record.getMessage() for record in caplog.records] == [True]
