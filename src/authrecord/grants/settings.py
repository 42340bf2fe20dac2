"""The OAuth 2.0 groups of a record, in the seed's order and with the seed's labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core.fields import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    IMPLICIT,
    PASSWORD,
    Choice,
    Kind,
    described,
)
from ..core.secret import SecretSource

CODE_AND_IMPLICIT = (AUTHORIZATION_CODE, IMPLICIT)
WITH_TOKEN_ENDPOINT = (AUTHORIZATION_CODE, PASSWORD, CLIENT_CREDENTIALS)
WITH_REFRESH = (AUTHORIZATION_CODE, PASSWORD)

CLIENT_AUTHENTICATION = (
    Choice(
        "basic", "Send as Basic Auth header", "RFC 6749 §2.3.1: id and secret are form-encoded, then base64."
    ),
    Choice("body", "Send client credentials in body", "client_id and client_secret as form parameters."),
    Choice("basic_raw", "Send as Basic Auth header, not form-encoded", "For servers that do not decode."),
    Choice("none", "None", "A public client: client_id only."),
    Choice(
        "private_key_jwt",
        "Signed JWT, private key",
        "RFC 7523: the client secret is a private key (PEM or JWK).",
    ),
    Choice("client_secret_jwt", "Signed JWT, client secret", "RFC 7523: an HMAC with the client secret."),
    Choice("tls_client_auth", "Mutual TLS", "RFC 8705: the client's certificate is the credential."),
)
PARAMETER_PLACES = (
    Choice("header", "Request Header"),
    Choice("query", "Request URL"),
    Choice("body", "Request Body"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One custom parameter of a request."""

    label: ClassVar[str] = "Parameter"

    key: str = described("Key", "The parameter's name.", required=True)
    value: SecretSource | str = described(
        "Value", "The value associated with the key.", kind=Kind.SENSITIVE_TEXT, required=True
    )
    send_in: str = described(
        "Send In",
        "Where the parameter is included.",
        default="body",
        kind=Kind.CHOICE,
        choices=PARAMETER_PLACES,
    )
    sensitive: bool = described(
        "Sensitive",
        "Whether to mask this value in logs and user interface.",
        default=False,
        kind=Kind.BOOLEAN,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Authorization: the user is redirected to the OAuth provider to log in and grant access."""

    label: ClassVar[str] = "Authorization"

    url: str = described(
        "Authorization URL",
        "The provider's endpoint to which the user is redirected to log in and grant permissions to your app.",
        default="",
        kind=Kind.URL,
        grants=CODE_AND_IMPLICIT,
        needed_for=CODE_AND_IMPLICIT,
    )
    use_browser: bool = described(
        "Authorize using browser",
        "Open the authorization URL in the user's browser to complete the login. Off: paste the redirected address.",
        default=True,
        kind=Kind.BOOLEAN,
        grants=CODE_AND_IMPLICIT,
    )
    callback_url: str = described(
        "Callback URL",
        "The redirect URL registered with your OAuth provider; sent byte for byte as written. Port 0 stands for any "
        "free port. Empty: a free port and an unguessable path on 127.0.0.1, new for each login.",
        default="",
        kind=Kind.CALLBACK_URL,
        grants=CODE_AND_IMPLICIT,
    )
    scope: str = described(
        "Scope",
        "The access your app requests from the provider, separated by spaces.",
        default="",
        kind=Kind.SCOPE,
        grants=CODE_AND_IMPLICIT,
    )
    state: str = described(
        "State",
        "Leave empty: 256 random bits for each login. A fixed value is sent as given, and is a weakness.",
        default="",
        grants=CODE_AND_IMPLICIT,
    )
    parameters: tuple[Parameter, ...] = described(
        "Custom Authorization Parameters",
        "Additional query parameters of the authorization request.",
        default=(),
        kind=Kind.PARAMETERS,
        grants=CODE_AND_IMPLICIT,
        group_class=Parameter,
        places=("query",),
    )
    pkce: str = described(
        "PKCE",
        "Proof key for code exchange (RFC 7636). S256 always, unless the provider refuses it.",
        default="S256",
        kind=Kind.CHOICE,
        choices=(
            Choice("S256", "S256"),
            Choice("off_because_the_provider_refuses_it", "Off, because the provider refuses it"),
        ),
        grants=(AUTHORIZATION_CODE,),
        beyond_seed=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Credentials: the application's credentials, registered with your OAuth provider."""

    label: ClassVar[str] = "Credentials"

    client_id: SecretSource | str = described(
        "Client ID",
        "The public identifier registered with the OAuth provider.",
        kind=Kind.SENSITIVE_TEXT,
        required=True,
    )
    client_id_sensitive: bool = described(
        "Is Sensitive",
        "Whether to mask the client ID in logs and user interface.",
        default=False,
        kind=Kind.BOOLEAN,
    )
    client_secret: SecretSource | None = described(
        "Client Secret",
        "The private secret for the Client ID. Empty for a public client.",
        default=None,
        kind=Kind.SECRET,
        grants=WITH_TOKEN_ENDPOINT,
    )
    username: str = described(
        "Username",
        "The user whose password is exchanged for a token.",
        default="",
        grants=(PASSWORD,),
        needed_for=(PASSWORD,),
    )
    password: SecretSource | None = described(
        "Password",
        "The user's password. Kept, so that the grant can be repeated.",
        default=None,
        kind=Kind.SECRET,
        grants=(PASSWORD,),
        needed_for=(PASSWORD,),
        needed_unless=("keep_password", False),
    )
    keep_password: bool = described(
        "Keep password",
        "Off: the password is dropped after the first token, and the login lasts as long as its refresh token.",
        default=True,
        kind=Kind.BOOLEAN,
        grants=(PASSWORD,),
        beyond_seed=True,
    )
    certificate_file: str = described(
        "Client certificate",
        "PEM file with the client's certificate, for mutual TLS.",
        default="",
        kind=Kind.FILE,
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )
    certificate_key_file: str = described(
        "Client certificate key",
        "PEM file with the certificate's private key; empty when the certificate's file holds it.",
        default="",
        kind=Kind.FILE,
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )
    key_id: str = described(
        "Key ID", "The `kid` of a signed JWT.", default="", grants=WITH_TOKEN_ENDPOINT, beyond_seed=True
    )
    assertion_algorithm: str = described(
        "Assertion algorithm",
        "Empty: ES256, Ed25519 or RS256 by the key's type for a private key, HS256 for a client secret.",
        default="",
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )
    assertion_audience: str = described(
        "Assertion audience",
        "Empty: the issuer where it is known, else the Access Token URL.",
        default="",
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExchange:
    """Token Exchange: exchanging the grant or credentials for an access token at the token endpoint."""

    label: ClassVar[str] = "Token Exchange"

    url: str = described(
        "Access Token URL",
        "The provider's endpoint that issues access tokens.",
        default="",
        kind=Kind.URL,
        grants=WITH_TOKEN_ENDPOINT,
        needed_for=WITH_TOKEN_ENDPOINT,
    )
    scope: str = described(
        "Scope",
        "The access requested during the token exchange, separated by spaces.",
        default="",
        kind=Kind.SCOPE,
        grants=(PASSWORD, CLIENT_CREDENTIALS),
    )
    expired_pattern: str = described(
        "Access token expired message pattern",
        "A regular expression (RE2), or plain text, that the API's answer holds when the token has expired.",
        default="",
        kind=Kind.PATTERN,
        grants=WITH_TOKEN_ENDPOINT,
    )
    expired_pattern_in_streams: bool = described(
        "Look for the pattern in streams",
        "On: also the beginning of event streams, and of answers that the caller streams, is read and judged.",
        default=False,
        kind=Kind.BOOLEAN,
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )
    client_authentication: str = described(
        "Client Authentication",
        "How credentials are sent to the token endpoint.",
        default="basic",
        kind=Kind.CHOICE,
        choices=CLIENT_AUTHENTICATION,
        grants=WITH_TOKEN_ENDPOINT,
    )
    parameters: tuple[Parameter, ...] = described(
        "Custom Access Token Request Parameters",
        "Custom parameters to send with the token request.",
        default=(),
        kind=Kind.PARAMETERS,
        grants=WITH_TOKEN_ENDPOINT,
        group_class=Parameter,
        places=("header", "query", "body"),
    )
    assume_bearer: bool = described(
        "Assume Bearer",
        "Accept a token answer that does not say its token_type, as many providers send it.",
        default=False,
        kind=Kind.BOOLEAN,
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )
    form_encoded_answer: bool = described(
        "Form-encoded answer",
        "Accept a token answer in form encoding instead of JSON.",
        default=False,
        kind=Kind.BOOLEAN,
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )
    token_pointer: str = described(
        "Token pointer",
        "JSON pointer (RFC 6901) to the object that holds access_token, such as /authed_user.",
        default="",
        kind=Kind.JSON_POINTER,
        grants=WITH_TOKEN_ENDPOINT,
        beyond_seed=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefresh:
    """Token Refresh: automatic renewal of expired access tokens using a refresh token."""

    label: ClassVar[str] = "Token Refresh"

    url: str = described(
        "Refresh Token URL",
        "The endpoint that exchanges a refresh token for a new access token. Empty: the Access Token URL.",
        default="",
        kind=Kind.URL,
        grants=WITH_REFRESH,
    )
    parameters: tuple[Parameter, ...] = described(
        "Add Custom Refresh Request Parameters",
        "Extra parameters for refresh token requests.",
        default=(),
        kind=Kind.PARAMETERS,
        grants=WITH_REFRESH,
        group_class=Parameter,
        places=("header", "query", "body"),
    )
