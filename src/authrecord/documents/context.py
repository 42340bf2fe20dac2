"""What a field's rule must know of the rest of its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.fields import GRANTS


@dataclass(frozen=True, slots=True)
class Context:
    """`grant`: the grant type, empty for none or an unknown one. `has_issuer`: URLs may be discovered."""

    grant: str = ""
    has_issuer: bool = False
    allow_insecure: bool = False
    client_authentication: str = "basic"
    has_client_secret: bool = False


def context_of(auth: Mapping[str, Any]) -> Context:
    """The context of an `auth` group as it stands in a document, wrong values and all."""
    grant = auth.get("grant")
    exchange = _group(auth, "token_exchange")
    credentials = _group(auth, "credentials")
    return Context(
        grant=grant if grant in GRANTS else "",
        has_issuer=bool(auth.get("issuer")),
        allow_insecure=auth.get("allow_insecure") is True,
        client_authentication=str(exchange.get("client_authentication", "basic")),
        has_client_secret=bool(credentials.get("client_secret")),
    )


def _group(auth: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    group = auth.get(key)
    return group if isinstance(group, Mapping) else {}
