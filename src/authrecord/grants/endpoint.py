"""Builds a request to the token endpoint (RFC 6749 §3.2): the one place where a grant's parameters become one."""

from __future__ import annotations

from typing import Final

from ..core.contracts import Means
from ..core.errors import RecordFault
from ..core.messages import Pairs, Request
from ..core.origin import insecure_for_secrets
from .client import OAuthClient, ResolvedParameter
from .client_authentication import prove
from .reserved import TOKEN_REQUEST, TOKEN_REQUEST_HEADERS

HEADERS: Final[Pairs] = (
    ("Accept", "application/json"),
    ("Content-Type", "application/x-www-form-urlencoded"),
)


def token_request(
    client: OAuthClient, means: Means, url: str, form: Pairs, custom: tuple[ResolvedParameter, ...]
) -> Request:
    """A POST of `form` to `url`, with the client's proof and the custom parameters in their places.

    Raises `RecordFault` for a URL that is missing or would carry secrets in the clear (S24), and for a custom
    parameter whose name the protocol owns (S1, S5).
    """
    check_endpoint(url, "Access Token URL", allow_insecure=client.allow_insecure)
    proof = prove(client, means)
    resource: Pairs = tuple(("resource", one) for one in client.resource)
    return Request(
        "POST",
        url,
        query=_custom(custom, "query"),
        headers=(*_headers(custom), *proof.headers),
        form=(*form, *resource, *proof.form, *_custom(custom, "body")),
        client_certificate=proof.certificate or client.certificate,
    )


def check_endpoint(url: str, label: str, *, allow_insecure: bool) -> None:
    """Raises `RecordFault` for an endpoint that is missing, malformed or insecure; names it by its label."""
    if not url:
        raise RecordFault(f"the record has no {label}.", hint="Give it, or an issuer to discover it from.")
    try:
        insecure = insecure_for_secrets(url)
    except ValueError as fault:
        raise RecordFault(f"the {label} {fault}.") from None
    if insecure and not allow_insecure:
        raise RecordFault(
            f"the {label} is plain http: secrets would travel in the clear.",
            hint="Use https, or set allow_insecure in the record.",
            code="insecure_url",
        )


def _custom(parameters: tuple[ResolvedParameter, ...], place: str) -> Pairs:
    chosen = tuple(parameter for parameter in parameters if parameter.send_in == place)
    for parameter in chosen:
        if parameter.key in TOKEN_REQUEST:
            raise RecordFault(f"the custom parameter {parameter.key!r} has a name that the protocol owns.")
    return tuple((parameter.key, parameter.value) for parameter in chosen)


def _headers(parameters: tuple[ResolvedParameter, ...]) -> Pairs:
    """The fixed headers and the custom ones; a custom `Accept` takes the place of ours."""
    chosen = tuple(parameter for parameter in parameters if parameter.send_in == "header")
    names = {parameter.key.lower() for parameter in chosen}
    owned = names & TOKEN_REQUEST_HEADERS
    if owned:
        raise RecordFault(f"the custom header {min(owned)!r} has a name that the protocol owns.")
    fixed = tuple((name, value) for name, value in HEADERS if name.lower() not in names)
    return (*fixed, *((parameter.key, parameter.value) for parameter in chosen))
