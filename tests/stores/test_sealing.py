"""The seal: opens under the same key at the same place only, and shows nothing."""

from __future__ import annotations

import copy
import os
import pickle

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.errors import StoreFault
from authrecord.core.secret import Secret
from authrecord.core.token import CLOCK_TOLERANCE, Token, deadlines
from authrecord.stores import payload, quick, sealing
from authrecord.stores.sealing import DoesNotOpen, SealingKey, key_version, packed


def test_what_was_sealed_opens() -> None:
    key = SealingKey(os.urandom(32))
    assert key.open(key.seal(b"plain", b"place", os.urandom), b"place") == b"plain"


def test_the_blob_is_what_the_design_says() -> None:
    """Opened here by the library's own HKDF and AES-256-GCM, from the layout in the security page."""
    secret = os.urandom(32)
    blob = SealingKey(secret).seal(b"plain", b"place", os.urandom, version=7)
    head, salt, nonce, sealed = blob[:5], blob[5:37], blob[37:49], blob[49:]
    assert head == b"\x01\x00\x00\x00\x07"
    assert key_version(blob) == 7
    record_key = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"authrecord/sealed/v1").derive(
        secret
    )
    assert AESGCM(record_key).decrypt(nonce, sealed, head + b"place") == b"plain"


def test_the_short_way_to_the_cipher_leads_to_the_public_class(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = os.urandom(32)
    blob = SealingKey(secret).seal(b"plain", b"place", os.urandom)
    assert type(sealing._cipher(secret)) is AESGCM
    monkeypatch.delattr("cryptography.hazmat.bindings._rust.openssl.aead")
    assert SealingKey(secret).open(blob, b"place") == b"plain"


def test_L4_every_flipped_bit_is_found() -> None:
    key = SealingKey(os.urandom(32))
    blob = key.seal(b"plain", b"place", os.urandom)
    for position in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(DoesNotOpen):
            key.open(bytes(changed), b"place")


def test_L5_another_place_or_key_does_not_open() -> None:
    key = SealingKey(os.urandom(32))
    blob = key.seal(b"plain", b"place", os.urandom)
    with pytest.raises(DoesNotOpen):
        key.open(blob, b"placf")
    with pytest.raises(DoesNotOpen):
        SealingKey(os.urandom(32)).open(blob, b"place")


def test_L16_no_salt_or_nonce_is_used_twice() -> None:
    key = SealingKey(os.urandom(32))
    blobs = [key.seal(b"", b"", os.urandom) for _ in range(2000)]
    assert len({blob[5:49] for blob in blobs}) == len(blobs)


@given(st.lists(st.binary(max_size=8)), st.lists(st.binary(max_size=8)))
def test_L5_no_two_places_look_alike(one: list[bytes], other: list[bytes]) -> None:
    assert (packed(*one) == packed(*other)) == (one == other)


@pytest.mark.parametrize("length", [0, 1, 16, 31, 33, 64])
def test_L3_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(StoreFault) as caught:
        SealingKey(b"x" * length)
    assert caught.value.code == "bad_key"


def test_L3_a_key_of_zeros_is_refused() -> None:
    with pytest.raises(StoreFault, match="zeros"):
        SealingKey(bytes(32))


def test_P2_a_key_does_not_show_or_pickle() -> None:
    secret = os.urandom(32)
    key = SealingKey(secret)
    assert "••••" in repr(key)
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(TypeError):
        copy.copy(key)


texts = st.text(max_size=20)
maybe = st.none() | texts
times = st.floats(0, 4e9)
lives = st.none() | st.floats(-10, 1e10)


@given(st.text(min_size=1), texts, times, lives, maybe, maybe, maybe, st.integers(0, 2**40))
def test_a_token_survives_its_bytes(
    access: str, kind: str, at: float, life: float | None, refresh: str | None, scope: str | None,
    id_token: str | None, generation: int,
) -> None:  # fmt: skip
    token = Token(
        access_token=Secret(access),
        token_type=kind,
        obtained_at=at,
        life=life,
        refresh_token=None if refresh is None else Secret(refresh),
        id_token=None if id_token is None else Secret(id_token),
        scope=scope,
        generation=generation,
    )
    assert payload.read_token(payload.written_token(token), generation) == token


@given(times, lives, times)
def test_the_quick_way_judges_as_the_core_does(at: float, life: float | None, wall: float) -> None:
    """Fresh by the two times in the head exactly when `core.token.deadlines` says fresh."""
    token = Token(access_token=Secret("-"), obtained_at=at, life=life)
    obtained_at, renew_at, _, _ = payload.read_head(payload.written_token(token))
    seen = obtained_at - quick.CLOCK_TOLERANCE <= wall < renew_at
    by_core = deadlines(token, wall=wall, monotonic=0.0).fresh(wall, 0.0)
    endless = life is None or life <= 0
    assert seen == by_core or (endless and wall < at - CLOCK_TOLERANCE)
