"""How long a token lives, from whatever the provider sent. Odd values never raise; they mean "unknown" (C12–C15)."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Final

from ..core.secret import Secret

LONGEST_JWT: Final = 64 * 1024


def life_of(
    answer: Mapping[str, object], access_token: Secret, sent_at: float, remarks: list[str]
) -> float | None:
    """Seconds from the moment the request was sent, or `None` when nobody knows.

    `expires_in` counts (a number, or a text that holds one; RFC 6749 §5.1); without it the `exp` of a JWT is
    taken as a hint. A life of zero or less is passed on as it came. Oddities are added to `remarks`.
    """
    if answer.get("expires_in") is not None:
        seconds = _seconds(answer["expires_in"])
        if seconds is None:
            remarks.append(
                "the provider sent an expires_in that is no number of seconds; the life is unknown"
            )
        elif seconds <= 0:
            remarks.append(
                "the provider says that the token is already over; it is used until the API refuses it"
            )
        return seconds
    return _jwt_life(access_token, sent_at)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _jwt_life(access_token: Secret, sent_at: float) -> float | None:
    """`exp` minus `iat` of a JWT, or `exp` as seen from `sent_at`: a hint, the API has the last word."""
    claims = claims_of(access_token)
    end, begin = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    if end is None:
        return None
    life = end - (begin if begin is not None else sent_at)
    return life if life > 0 else None


def claims_of(token: Secret) -> Mapping[str, object]:
    """The claims of a JWT, unverified; empty for any other text. For a person to read, never to decide by."""
    text = token.reveal()
    parts = text.split(".")
    if len(parts) != 3 or len(text) > LONGEST_JWT:
        return {}
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
