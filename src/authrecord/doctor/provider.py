"""Step: the issuer's metadata is there, and the record agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..core.errors import AuthrecordError
from ..grants.discovery import Metadata
from ..keeper.keeper import Keeper
from ..record import OAuth2, Record
from .step import Step, failed_by, note, ok
from .witness import Witness

NAME = "discovery"

_METHODS: Final = {
    "basic": "client_secret_basic",
    "basic_raw": "client_secret_basic",
    "body": "client_secret_post",
    "none": "none",
    "private_key_jwt": "private_key_jwt",
    "client_secret_jwt": "client_secret_jwt",
    "tls_client_auth": "tls_client_auth",
}
"""Our ways of client authentication by their names in metadata (RFC 8414 §2)."""


def check_discovery(keeper: Keeper, record: Record, auth: OAuth2, witness: Witness) -> Step:
    """Asks the issuer, and compares."""
    try:
        metadata = keeper.provider(record).metadata()
    except AuthrecordError as error:
        return failed_by(NAME, error, *witness.take())
    lines = witness.take()
    for remark, advice in _differences(auth, metadata):
        return note(NAME, remark, *lines, advice=advice)
    return ok(NAME, "the issuer's metadata fits the record", *lines)


def _differences(auth: OAuth2, metadata: Metadata) -> Iterator[tuple[str, str]]:
    """What the record and the metadata disagree about, gravest first: a sentence and what to do."""
    methods, way = metadata.client_authentication_methods, auth.token_exchange.client_authentication
    if methods and _METHODS[way] not in methods:
        known = ", ".join(key for key, name in _METHODS.items() if name in methods) or "none that we know"
        yield (
            f"the provider does not offer client authentication {way}.",
            f"Set auth.token_exchange.client_authentication to one of: {known}.",
        )
    pairs = (
        ("auth.token_exchange.url", auth.token_exchange.url, metadata.token_endpoint),
        ("auth.authorization.url", auth.authorization.url, metadata.authorization_endpoint),
    )
    for path, own, published in pairs:
        if own and published and own != published:
            yield f"{path} is not what the issuer publishes.", f"Leave {path} out, so that it is discovered."
    scopes = set(f"{auth.authorization.scope} {auth.token_exchange.scope}".split())
    unknown = sorted(scopes - set(metadata.scopes))
    if metadata.scopes and unknown:
        yield (
            f"the issuer does not list the scope {unknown[0]}.",
            "Check the spelling of the scope; not every provider lists all of them.",
        )
