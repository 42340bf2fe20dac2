"""How fast this machine is beside the one for which the limits in microseconds were set, judged by the peers."""

from __future__ import annotations

import math
import statistics
from typing import Any

ISSUED_COSTS = {
    ("httpx2-sync", "authlib OAuth2Client cc"): 44.0,
    ("httpx2-async", "authlib AsyncOAuth2Client cc"): 67.0,
    ("httpx-sync", "httpx-auth client-credentials"): 13.0,
    ("httpx-sync", "httpx-auth QueryApiKey"): 45.0,
    ("requests-sync", "requests-oauth2client cc"): 3.5,
    ("requests-sync", "requests-oauthlib OAuth2Session"): 12.0,
    ("requests-sync", "google-auth AuthorizedSession"): 23.0,
    ("requests-sync", "msal acquire_token_for_client + header"): 35.0,
}
"""Microseconds that peers took more than the bare client where the limits in microseconds were set."""


def pace(families: dict[str, Any]) -> float:
    """How many times as long as on the machine of `ISSUED_COSTS` the peers take here: a median. NaN without peers."""
    found = [
        families[family][name]["extra"] / issued
        for (family, name), issued in ISSUED_COSTS.items()
        if name in families.get(family, {})
    ]
    return statistics.median(found) if found else math.nan
