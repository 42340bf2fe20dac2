"""Rules between the fields of an OAuth 2.0 record. Each note names the field that should change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..core.fields import CLIENT_CREDENTIALS, IMPLICIT
from .context import Context
from .tree import Faults, Path

_WITH_KEY: Final = ("private_key_jwt", "client_secret_jwt")


def check(auth: Mapping[str, Any], path: Path, context: Context, faults: Faults) -> None:
    """Note in `faults` what does not fit together in an `auth` group of a known grant type."""
    if context.grant == IMPLICIT:
        return
    _client_is_confidential(path, context, faults)
    credentials = auth.get("credentials")
    credentials = credentials if isinstance(credentials, Mapping) else {}
    here = (*path, "credentials")
    if context.client_authentication == "tls_client_auth" and not credentials.get("certificate_file"):
        faults.add((*here, "certificate_file"), "is missing", "Mutual TLS needs the client's certificate.")
    if credentials.get("certificate_key_file") and not credentials.get("certificate_file"):
        faults.add(
            (*here, "certificate_file"), "is missing", "certificate_key_file is the key of a certificate."
        )
    _algorithm_fits(credentials, here, context, faults)


def _client_is_confidential(path: Path, context: Context, faults: Faults) -> None:
    """Client credentials are for confidential clients only (RFC 6749 §4.4, row S19); signed JWTs need a key."""
    method = context.client_authentication
    if context.grant == CLIENT_CREDENTIALS and method == "none":
        where = (*path, "token_exchange", "client_authentication")
        hint = "Use basic or body, and give the client's secret (RFC 6749 §4.4)."
        faults.add(where, "is none, and Client Credentials is for clients that authenticate", hint)
        return
    needs_one = method in _WITH_KEY or (context.grant == CLIENT_CREDENTIALS and method != "tls_client_auth")
    if needs_one and not context.has_client_secret:
        where = (*path, "credentials", "client_secret")
        faults.add(where, "is missing", "The client authenticates with it at the token endpoint.")


def _algorithm_fits(credentials: Mapping[str, Any], here: Path, context: Context, faults: Faults) -> None:
    algorithm = credentials.get("assertion_algorithm")
    if not isinstance(algorithm, str) or not algorithm or context.client_authentication not in _WITH_KEY:
        return
    if algorithm.startswith("HS") != (context.client_authentication == "client_secret_jwt"):
        hint = "private_key_jwt signs with ES…, RS…, PS… or EdDSA; client_secret_jwt with HS…."
        faults.add((*here, "assertion_algorithm"), "does not fit the client authentication", hint)
