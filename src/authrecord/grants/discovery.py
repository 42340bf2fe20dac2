"""Give an issuer, the URLs fill themselves: RFC 8414, and OpenID Connect Discovery 1.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..core.contracts import Steps
from ..core.errors import BadAnswer, RecordFault, TryLater
from ..core.messages import Request, Response
from ..core.origin import origin_of
from .answer import answer_of, retry_after
from .client import OAuthClient
from .endpoint import check_endpoint
from .words import safe_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a provider says about itself. URLs are absolute or empty; empty tuples mean "does not say"."""

    issuer: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    revocation_endpoint: str = ""
    jwks_uri: str = ""
    names_itself: bool = False
    code_challenge_methods: tuple[str, ...] = ()
    client_authentication_methods: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where metadata may be, in the order to ask (RFC 8414 §3.1 puts the path *behind* the well-known part)."""
    origin = str(origin_of(issuer))
    path = issuer.partition("://")[2].partition("/")[2].rstrip("/")
    behind = f"/{path}" if path else ""
    urls = (
        f"{origin}/.well-known/oauth-authorization-server{behind}",
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        f"{origin}/.well-known/openid-configuration{behind}",
    )
    return tuple(dict.fromkeys(urls))


def discover(issuer: str, *, allow_insecure: bool = False) -> Steps[Metadata]:
    """The metadata of `issuer`.

    Raises `RecordFault` for an issuer that is not an https URL or publishes nothing, `BadAnswer` for metadata
    of another issuer (RFC 8414 §3.3: it must not be used), `TryLater` when the provider is unwell.
    """
    check_endpoint(issuer, "Issuer", allow_insecure=allow_insecure)
    if "?" in issuer or "#" in issuer:
        raise RecordFault("an issuer has no query and no fragment.", field="auth.issuer")
    for url in metadata_urls(issuer):
        response = yield Request("GET", url, headers=(("Accept", "application/json"),))
        answer = _document(response)
        if answer is not None:
            return _metadata(answer, issuer, allow_insecure=allow_insecure)
    raise RecordFault(
        "the issuer publishes no metadata.",
        field="auth.issuer",
        hint="Write the provider's URLs into the record instead.",
        code="no_metadata",
    )


def _document(response: Response) -> Mapping[str, object] | None:
    if response.status == 429 or response.status >= 500:
        raise TryLater(
            f"the issuer's metadata answered {response.status}.",
            retry_after=retry_after(response),
            code="provider_unwell",
        )
    return answer_of(response) if response.status == 200 else None


def _metadata(answer: Mapping[str, object], issuer: str, *, allow_insecure: bool) -> Metadata:
    said = answer.get("issuer")
    if said != issuer:
        raise BadAnswer(
            f"the metadata is that of another issuer: {safe_words(said) or 'it names none'}.",
            hint="The issuer must be written exactly as the provider writes it, to the last slash.",
            code="issuer_mismatch",
        )
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_url(answer, "authorization_endpoint", allow_insecure=allow_insecure),
        token_endpoint=_url(answer, "token_endpoint", allow_insecure=allow_insecure),
        revocation_endpoint=_url(answer, "revocation_endpoint", allow_insecure=allow_insecure),
        jwks_uri=_url(answer, "jwks_uri", allow_insecure=allow_insecure),
        names_itself=answer.get("authorization_response_iss_parameter_supported") is True,
        code_challenge_methods=_words(answer, "code_challenge_methods_supported"),
        client_authentication_methods=_words(answer, "token_endpoint_auth_methods_supported"),
        scopes=_words(answer, "scopes_supported"),
    )


def _url(answer: Mapping[str, object], key: str, *, allow_insecure: bool) -> str:
    value = answer.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or "#" in value:
        raise BadAnswer(f"the metadata's {key} is not a URL.", code="bad_metadata")
    try:
        check_endpoint(value, key, allow_insecure=allow_insecure)
    except RecordFault as fault:
        raise BadAnswer(
            f"the provider's metadata cannot be used: {fault.message}", code="bad_metadata"
        ) from None
    return value


def _words(answer: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = answer.get(key)
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def with_metadata(client: OAuthClient, metadata: Metadata) -> OAuthClient:
    """`client` with the endpoints that its record leaves empty. What the record says is never replaced.

    Raises `RecordFault` when the provider knows PKCE only as `plain` (RFC 7636 §4.2, S34).
    """
    methods = metadata.code_challenge_methods
    if client.pkce and methods and "S256" not in methods:
        raise RecordFault(
            "the provider offers no PKCE with S256.",
            field="auth.authorization.pkce",
            hint="Set it to off_because_the_provider_refuses_it if there is no better provider.",
            code="no_s256",
        )
    return replace(
        client,
        authorization_url=client.authorization_url or metadata.authorization_endpoint,
        token_url=client.token_url or metadata.token_endpoint,
        revocation_url=client.revocation_url or metadata.revocation_endpoint,
        issuer=metadata.issuer,
        issuer_always_answers=metadata.names_itself,
        discovered_token_url=not client.token_url,
    )
