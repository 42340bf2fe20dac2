"""Whose token: by name, by what the token depends on, and by where it may travel."""

from __future__ import annotations

from ..core.messages import plain
from ..core.token import Token
from ..documents.digest import destination_digest, token_digest
from ..record import Record
from .ports import TokenKey


def token_key(record: Record) -> TokenKey:
    """The key of the record's token. An edit of anything that the token depends on gives another key."""
    return TokenKey(record.name, token_digest(record), destination_digest(record))


def token_mark(token: Token) -> str:
    """What a token is called by where it is not shown: SHA-256 of the access token, 64 hexadecimal digits."""
    from hashlib import sha256

    return sha256(plain(token.access_token).encode("utf-8", "surrogatepass")).hexdigest()
