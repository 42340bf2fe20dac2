"""Seals bytes so that they open only under the same key and the same associated data (security page 5.2).

A blob is `0x01 | version of the key, 4 bytes | salt 32 | nonce 12 | ciphertext | tag 16`. Each write has a key of its
own, drawn from the sealing key by HKDF-SHA256 (RFC 5869) with 32 random bytes of salt, so that no nonce is ever used
twice under one key. AES-256-GCM binds the blob to its first five bytes and to the associated data: moved, flipped or
re-pointed, it does not open.

The fast path of `authrecord token` imports this module: it imports nothing that is slow, and the error class only
where an error is raised.
"""

from __future__ import annotations

from collections.abc import Callable

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from typing import Final, NoReturn

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from ..core.errors import StoreFault

VERSION: Final = b"\x01"
KEY_BYTES: Final = 32
SALT_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16

HEAD_BYTES: Final = 5
LARGEST_VERSION: Final = 2**32 - 1

_INFO: Final = b"authrecord/sealed/v1"
_KEYED: Final = b"authrecord/keyed/v1"
_IDENTITY: Final = b"authrecord/identity/v1"
_OVERHEAD: Final = HEAD_BYTES + SALT_BYTES + NONCE_BYTES + TAG_BYTES

Random = Callable[[int], bytes]
"""That many unguessable bytes: `os.urandom`."""


class DoesNotOpen(ValueError):
    """A blob of another key, of other associated data, of an unknown version, or a changed one."""


def packed(*parts: bytes) -> bytes:
    """The parts one after another, each behind its length in four bytes: no two lists of parts look alike."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def key_version(blob: bytes) -> int:
    """The version of the key that sealed `blob`. Raises `DoesNotOpen` for what is no blob of a known format."""
    if len(blob) < _OVERHEAD or blob[:1] != VERSION:
        raise DoesNotOpen("not a sealed value of a format that is known here")
    return int.from_bytes(blob[1:HEAD_BYTES], "big")


class SealingKey:
    """32 secret bytes that seal and open. Shows nothing of them, and does not pickle."""

    __slots__ = ("_bytes", "_drawn")

    _bytes: Callable[[], bytes]
    _drawn: dict[str, Callable[[], bytes]]

    def __init__(self, value: bytes) -> None:
        """Raises `StoreFault` (code `bad_key`) for anything but 32 bytes, and for 32 zeros."""
        if len(value) != KEY_BYTES:
            raise bad_key(f"a sealing key has {KEY_BYTES} bytes, this one has {len(value)}")
        if not any(value):
            raise bad_key("a sealing key of zeros protects nothing")
        self._bytes = lambda: value
        self._drawn = {}

    def __repr__(self) -> str:
        return "SealingKey('••••')"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a SealingKey is not serialised")

    def seal(self, plain: bytes, bound_to: bytes, random: Random, *, version: int = 0) -> bytes:
        """`plain` sealed. It opens only with the same `bound_to`.

        `version`: of this key, where there are several; it is written into the blob (`key_version`).
        """
        head = VERSION + version.to_bytes(HEAD_BYTES - 1, "big")
        salt, nonce = random(SALT_BYTES), random(NONCE_BYTES)
        return head + salt + nonce + _cipher(self._record_key(salt)).encrypt(nonce, plain, head + bound_to)

    def open(self, blob: bytes, bound_to: bytes) -> bytes:
        """What was sealed. Raises `DoesNotOpen`."""
        key_version(blob)  # refuses what is no blob
        head, salt = blob[:HEAD_BYTES], blob[HEAD_BYTES : HEAD_BYTES + SALT_BYTES]
        nonce = blob[HEAD_BYTES + SALT_BYTES : HEAD_BYTES + SALT_BYTES + NONCE_BYTES]
        sealed = blob[HEAD_BYTES + SALT_BYTES + NONCE_BYTES :]
        try:
            return _cipher(self._record_key(salt)).decrypt(nonce, sealed, head + bound_to)
        except Exception as error:
            from cryptography.exceptions import InvalidTag  # costs 4 ms, and is needed only now

            if not isinstance(error, InvalidTag):
                raise
        raise DoesNotOpen("the sealed value does not open under this key and at this place")

    def keyed(self, purpose: str, value: bytes) -> bytes:
        """HMAC-SHA256 of `value` under a key that is drawn from this one for `purpose`: 32 bytes."""
        from hmac import digest

        key = self._drawn.get(purpose)
        if key is None:
            drawn = digest(self._bytes(), packed(_KEYED, purpose.encode()), "sha256")
            key = self._drawn[purpose] = lambda: drawn  # purposes are a handful of our own words
        return digest(key(), value, "sha256")

    def identity(self) -> str:
        """32 hexadecimal digits that tell this key from others, and tell nothing about it."""
        return self.keyed("identity", _IDENTITY)[:16].hex()

    def _record_key(self, salt: bytes) -> bytes:
        """HKDF-SHA256 (RFC 5869 §2.2, §2.3) for one block of output."""
        from hmac import digest

        return digest(digest(salt, self._bytes(), "sha256"), _INFO + b"\x01", "sha256")


def _cipher(key: bytes) -> AESGCM:
    """AES-256-GCM, by a short way to the public class, and by the public way where there is no short one.

    The public way imports `typing`, `enum` and every cipher mode: 12 of the 45 ms that `authrecord token` may take.
    """
    try:
        from cryptography.hazmat.bindings._rust import openssl

        return openssl.aead.AESGCM(key)
    except (ImportError, AttributeError):  # not a public place: it may move
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(key)


def bad_key(message: str) -> StoreFault:
    """The fault of a key that cannot be used, with the way to a good one."""
    from ..core.errors import StoreFault

    hint = "Make one with: python3 -c 'import os, base64; print(base64.b64encode(os.urandom(32)).decode())'"
    return StoreFault(message + ".", hint=hint, code="bad_key")
