"""The client of one record, with every reference resolved: what a grant works with."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.messages import ClientCertificate, Text
from ..core.secret import Secret


@dataclass(frozen=True, slots=True)
class ResolvedParameter:
    """A custom parameter: its place is `header`, `query` or `body`."""

    key: str
    value: Text
    send_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """An OAuth client and the endpoints of its provider.

    URLs are absolute or empty; `scope` is space separated. `authentication` is one of the keys of
    `settings.CLIENT_AUTHENTICATION`. `issuer` is empty when nobody named one. `issuer_always_answers`: the
    provider's metadata promises `iss` in each authorization answer (RFC 9207). `discovered_token_url`: the
    token URL came from metadata, not from the record.
    """

    name: str
    client_id: Text
    client_secret: Secret | None = None
    authentication: str = "basic"
    username: str = ""
    password: Secret | None = None
    authorization_url: str = ""
    token_url: str = ""
    refresh_url: str = ""
    revocation_url: str = ""
    issuer: str = ""
    issuer_always_answers: bool = False
    discovered_token_url: bool = False
    callback_url: str = ""
    scope: str = ""
    state: str = ""
    pkce: bool = True
    resource: tuple[str, ...] = ()
    authorization_parameters: tuple[ResolvedParameter, ...] = ()
    token_parameters: tuple[ResolvedParameter, ...] = ()
    refresh_parameters: tuple[ResolvedParameter, ...] = ()
    certificate: ClientCertificate | None = None
    key_id: str = ""
    assertion_algorithm: str = ""
    assertion_audience: str = ""
    assume_bearer: bool = False
    form_encoded_answer: bool = False
    token_pointer: str = ""
    allow_insecure: bool = False

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret of the client, for messages that must not echo one."""
        candidates = (
            self.client_secret,
            self.password,
            self.client_id,
            *(parameter.value for parameter in self.authorization_parameters),
            *(parameter.value for parameter in self.token_parameters),
            *(parameter.value for parameter in self.refresh_parameters),
        )
        return tuple(value for value in candidates if isinstance(value, Secret))
