"""What the tests of the sender of token requests share."""

from __future__ import annotations

from typing import Any

from authrecord.core.errors import AuthrecordError
from authrecord.core.messages import Request
from authrecord.core.secret import Secret


def token_request(url: str, secret: str = "", **options: Any) -> Request:
    """A token request with `secret` in its form."""
    form = (("grant_type", "client_credentials"), ("client_secret", Secret(secret)))
    return Request("POST", url, form=form, **options)


def nothing_told(error: AuthrecordError, secret: str) -> bool:
    """True when an error carries no trace of `secret`."""
    return (
        secret not in f"{error!r}{error}{vars(error)}"
        and error.__cause__ is None
        and error.__context__ is None
    )
