"""From a record to an OAuth client: every reference resolved, now, for one use."""

from __future__ import annotations

from ..core.contracts import Resolver
from ..core.fields import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, IMPLICIT, PASSWORD
from ..core.messages import ClientCertificate, Text
from ..core.secret import Reference, Secret, SecretSource
from ..grants.client import OAuthClient, ResolvedParameter
from ..grants.settings import Parameter
from ..record import OAuth2, Record


def resolved(source: SecretSource, resolve: Resolver) -> Secret:
    """The secret itself. Raises `RecordFault` when a reference leads nowhere."""
    return resolve(source) if isinstance(source, Reference) else source


def client_of(record: Record, auth: OAuth2, resolve: Resolver) -> OAuthClient:
    """The OAuth client of `record`. Raises `RecordFault` when a reference leads nowhere."""
    authorization, exchange, credentials = auth.authorization, auth.token_exchange, auth.credentials
    interactive = auth.grant in {AUTHORIZATION_CODE, IMPLICIT}
    return OAuthClient(
        name=record.name,
        client_id=_text(credentials.client_id, resolve),
        client_secret=_given(credentials.client_secret, resolve),
        authentication=exchange.client_authentication,
        username=credentials.username,
        password=_given(credentials.password, resolve) if auth.grant == PASSWORD else None,
        authorization_url=authorization.url if interactive else "",
        token_url=exchange.url,
        refresh_url=auth.token_refresh.url,
        issuer=auth.issuer,
        revocation_url=auth.revocation_url,
        callback_url=authorization.callback_url,
        scope=authorization.scope if interactive else exchange.scope,
        state=authorization.state,
        pkce=auth.grant == AUTHORIZATION_CODE and authorization.pkce == "S256",
        resource=auth.resource,
        authorization_parameters=_parameters(authorization.parameters, resolve, place="query"),
        token_parameters=_parameters(exchange.parameters, resolve),
        refresh_parameters=_parameters(auth.token_refresh.parameters, resolve),
        certificate=_certificate(auth),
        key_id=credentials.key_id,
        assertion_algorithm=credentials.assertion_algorithm,
        assertion_audience=credentials.assertion_audience,
        assume_bearer=exchange.assume_bearer,
        form_encoded_answer=exchange.form_encoded_answer,
        token_pointer=exchange.token_pointer,
        allow_insecure=auth.allow_insecure,
    )


def needs_discovery(auth: OAuth2) -> bool:
    """True when the record names an issuer: its URLs, and whether it names itself, come from the metadata.

    A Client Credentials or Password record that has its token URL needs nothing from it.
    """
    if not auth.issuer:
        return False
    if auth.grant in {CLIENT_CREDENTIALS, PASSWORD}:
        return not auth.token_exchange.url
    return True


def _text(value: SecretSource | str, resolve: Resolver) -> Text:
    return value if isinstance(value, str) else resolved(value, resolve)


def _given(source: SecretSource | None, resolve: Resolver) -> Secret | None:
    """An empty secret is none: it is never sent."""
    secret = None if source is None else resolved(source, resolve)
    return secret or None


def _parameters(
    parameters: tuple[Parameter, ...], resolve: Resolver, *, place: str = ""
) -> tuple[ResolvedParameter, ...]:
    return tuple(
        ResolvedParameter(parameter.key, _text(parameter.value, resolve), place or parameter.send_in)
        for parameter in parameters
    )


def _certificate(auth: OAuth2) -> ClientCertificate | None:
    credentials = auth.credentials
    if not credentials.certificate_file:
        return None
    return ClientCertificate(
        credentials.certificate_file, credentials.certificate_key_file or credentials.certificate_file
    )
