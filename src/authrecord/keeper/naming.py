"""Whose token: by name, by what the token depends on, and by where it may travel."""

from __future__ import annotations

from ..documents.digest import destination_digest, token_digest
from ..record import Record
from .ports import TokenKey


def token_key(record: Record) -> TokenKey:
    """The key of the record's token. An edit of anything that the token depends on gives another key."""
    return TokenKey(record.name, token_digest(record), destination_digest(record))
