"""What is accepted in a record and still reported: weak, legacy or unfinished."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import Fault
from ..core.fields import IMPLICIT, PASSWORD
from ..core.origin import allowed_origin, insecure_for_secrets, origin_of
from ..core.secret import Secret
from ..record import OAuth2, Record
from ..schemes.api_key import ApiKey
from .plain import mapping_of
from .tree import Path, sentence, written


def warnings_of(record: Record, *, sealed: bool = False) -> tuple[Fault, ...]:
    """Every warning about a record that `read` or `checked` has accepted; none holds a value.

    `sealed`: the record is in a store, which is where a secret belongs.
    """
    found = [*_origins(record), *(() if sealed else _literals(mapping_of(record), ()))]
    if isinstance(record.auth, ApiKey) and record.auth.send_in == "query":
        found.append(_query("auth.send_in"))
    if isinstance(record.auth, OAuth2):
        found.extend(_oauth2(record.auth))
    return tuple(found)


def _fault(path: str, message: str, hint: str) -> Fault:
    return Fault(path, sentence(message), hint)


def _origins(record: Record) -> Iterator[Fault]:
    if not record.allowed_origins:
        hint = "Add the origins of the API; the store and the gateway demand them."
        yield _fault(
            "allowed_origins", "is empty: the credential goes only where the client's base URL says", hint
        )
    for index, text in enumerate(record.allowed_origins):
        origin, _ = allowed_origin(text)
        if origin.scheme == "http" and not origin.is_loopback:
            message = "is plain http beyond this machine: the credential travels in the clear"
            yield _fault(f"allowed_origins[{index}]", message, "Use https.")


def _literals(value: object, path: Path) -> Iterator[Fault]:
    """A warning for every secret that stands in the record itself."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _literals(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _literals(item, (*path, index))
    elif isinstance(value, Secret):
        hint = "Refer to it: ${env:NAME}, ${file:path} or ${keyring:service/name}."
        yield _fault(written(path), "is a secret in the document itself", hint)


def _query(path: str) -> Fault:
    message = "puts the credential into the URL, which ends up in logs, histories and Referer headers"
    return _fault(path, message, "Use header where the API allows it (RFC 9700 §4.3.2).")


def _oauth2(auth: OAuth2) -> Iterator[Fault]:
    if auth.grant == IMPLICIT:
        hint = "Use authorization_code where the provider has it (RFC 9700 §2.1.2)."
        yield _fault("auth.grant", "is Implicit, a legacy grant: the token travels through the browser", hint)
    if auth.grant == PASSWORD:
        hint = "Use authorization_code or client_credentials where the provider has it (RFC 9700 §2.4)."
        yield _fault(
            "auth.grant", "is Password Credentials, a legacy grant: the user's password is kept", hint
        )
    if auth.token_usage.add_to == "query":
        yield _query("auth.token_usage.add_to")
    if auth.allow_insecure:
        message = "is on: secrets may travel to the provider in the clear"
        yield _fault("auth.allow_insecure", message, "Use https and leave it out.")
    yield from _authorization(auth)
    exchange = auth.token_exchange
    if exchange.client_authentication == "none" and auth.credentials.client_secret is not None:
        message = "is none, so the client secret is never sent"
        yield _fault(
            "auth.token_exchange.client_authentication", message, "Use basic or body, or drop the secret."
        )


def _authorization(auth: OAuth2) -> Iterator[Fault]:
    settings = auth.authorization
    if settings.state:
        message = "is fixed: who knows it can finish a login that is not theirs"
        yield _fault("auth.authorization.state", message, "Leave it out: 256 random bits for each login.")
    if settings.pkce != "S256":
        message = "is off: a stolen authorization code can be used"
        yield _fault("auth.authorization.pkce", message, "Leave it out unless the provider refuses it.")
    if settings.callback_url[:5].lower() == "http:" and insecure_for_secrets(settings.callback_url):
        message = "is plain http beyond this machine: the answer travels in the clear"
        yield _fault("auth.authorization.callback_url", message, "Use https, or a loopback address.")
    urls = (settings.url, auth.token_exchange.url)
    if all(urls) and origin_of(urls[0]) != origin_of(urls[1]):
        message = "is at another origin than the Authorization URL: whoever owns it receives the code"
        hint = "Check that both belong to the provider (RFC 9700 §4.4)."
        yield _fault("auth.token_exchange.url", message, hint)
