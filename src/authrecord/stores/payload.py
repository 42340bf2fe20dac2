"""A token as bytes and back, and what else is sealed.

The head (two times and the access token) comes first, so that the fast path reads no further. Times are IEEE 754
doubles, texts are UTF-8 behind their length; a length of `0xFFFFFFFF` says "no value". Nothing here is secret-safe
by itself: these bytes exist only inside a seal.
"""

from __future__ import annotations

from struct import Struct

from .sealing import DoesNotOpen, packed

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from typing import Final

    from ..core.secret import Secret
    from ..core.token import Token

FORMAT: Final = 1
"""The version of the layout below; the first byte."""

_HEAD: Final = Struct(">Bddd")
_LENGTH: Final = Struct(">I")
_NOTHING: Final = 0xFFFFFFFF


def written_token(token: Token) -> bytes:
    """The bytes of `token`, without its generation (which is part of its place) and its monotonic time."""
    from ..core.token import deadlines

    renew_at = deadlines(token, wall=token.obtained_at, monotonic=0.0).renew_wall
    life = float("nan") if token.life is None else token.life
    return b"".join(
        (
            _HEAD.pack(FORMAT, token.obtained_at, renew_at, life),
            _text(token.access_token.reveal()),
            _text(token.token_type),
            _text(None if token.refresh_token is None else token.refresh_token.reveal()),
            _text(None if token.id_token is None else token.id_token.reveal()),
            _text(token.scope),
            _text(token.issued_by),
        )
    )


def read_head(plain: bytes) -> tuple[float, float, float, str]:
    """Of a token's bytes: obtained at, to be renewed at, life, and the access token.

    UTC seconds, UTC seconds, seconds (NaN if unknown). Raises `DoesNotOpen` for another format.
    """
    if plain[:1] != bytes((FORMAT,)):
        raise DoesNotOpen("a token written by another version of authrecord")
    _, obtained_at, renew_at, life = _HEAD.unpack_from(plain)
    access_token, _ = _next(plain, _HEAD.size)
    if access_token is None:
        raise DoesNotOpen("a stored token without an access token")
    return obtained_at, renew_at, life, access_token


def read_token(plain: bytes, generation: int) -> Token:
    """The token of these bytes. Raises `DoesNotOpen` for another format."""
    from math import isnan

    from ..core.secret import Secret
    from ..core.token import Token

    obtained_at, _, life, access_token = read_head(plain)
    _, position = _next(plain, _HEAD.size)
    texts: list[str | None] = []
    for _ in range(5):
        text, position = _next(plain, position)
        texts.append(text)
    token_type, refresh_token, id_token, scope, issued_by = texts
    return Token(
        access_token=Secret(access_token),
        token_type=token_type or "",
        obtained_at=obtained_at,
        life=None if isnan(life) else life,
        refresh_token=None if refresh_token is None else Secret(refresh_token),
        id_token=None if id_token is None else Secret(id_token),
        scope=scope,
        issued_by=issued_by or "",
        generation=generation,
    )


def written_entry(name: str, lookup: bytes, binding: str) -> bytes:
    """The bytes of an entry of the quick path: the row of the token that it leads to, and where that may travel."""
    return packed(_encoded(name), lookup, binding.encode())


def read_entry(plain: bytes) -> tuple[str, bytes, str]:
    """Name, look-up and binding of an entry. Raises `DoesNotOpen` for anything else."""
    parts: list[bytes] = []
    position = 0
    while position < len(plain):
        (length,) = _LENGTH.unpack_from(plain, position)
        position += _LENGTH.size
        parts.append(plain[position : position + length])
        position += length
    if len(parts) != 3:
        raise DoesNotOpen("an index entry that names nothing")
    name, lookup, binding = parts
    return name.decode("utf-8", "surrogatepass"), lookup, binding.decode()


def secret_bytes(secret: Secret) -> bytes:
    """The bytes of a secret, to be sealed or hashed under a key."""
    return _encoded(secret.reveal())


def secret_of(plain: bytes) -> Secret:
    """The secret in bytes that `secret_bytes` made."""
    from ..core.secret import Secret

    return Secret(plain.decode("utf-8", "surrogatepass"))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(text: str | None) -> bytes:
    if text is None:
        return _LENGTH.pack(_NOTHING)
    data = _encoded(text)
    return _LENGTH.pack(len(data)) + data


def _next(plain: bytes, position: int) -> tuple[str | None, int]:
    """The text at `position`, and the position after it."""
    (length,) = _LENGTH.unpack_from(plain, position)
    position += _LENGTH.size
    if length == _NOTHING:
        return None, position
    return plain[position : position + length].decode("utf-8", "surrogatepass"), position + length
