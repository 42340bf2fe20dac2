"""Authorization Code (RFC 6749 §4.1) with PKCE (RFC 7636): a person logs in, a code comes back, once."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

from ..core.contracts import Flow, Means
from ..core.errors import RecordFault
from ..core.messages import Pairs, with_query
from ..core.secret import Secret
from .answer import token_from
from .client import OAuthClient
from .endpoint import check_endpoint, token_request
from .pending import Answer, PendingLogin, check_answer, not_ours, one
from .reserved import AUTHORIZATION_REQUEST


def begin(client: OAuthClient, means: Means, *, redirect_uri: str) -> PendingLogin:
    """A new login: fresh `state` and, for PKCE, a fresh verifier, used for this login only (RFC 9700 §2.1.1)."""
    verifier = Secret(means.random()) if client.pkce else None
    pkce: Pairs = ()
    if verifier is not None:
        pkce = (("code_challenge", s256(verifier)), ("code_challenge_method", "S256"))
    return pending_login(
        client, means, grant="authorization_code", redirect_uri=redirect_uri, extra=pkce, verifier=verifier
    )


def finish(client: OAuthClient, pending: PendingLogin, answer: Answer, means: Means) -> Flow:
    """The token for `answer`. The checks run before the first request; see `check_answer` for what is raised.

    That the answer is used only once is the duty of whoever keeps the pending login (`keeper.logins`).
    """
    check_answer(pending, answer, client, now=means.now())
    code = Secret(one(answer, "code"))
    if not code:
        raise not_ours("the answer holds neither a code nor an error")
    return _exchange(client, pending, code, means)


def _exchange(client: OAuthClient, pending: PendingLogin, code: Secret, means: Means) -> Flow:
    form: Pairs = (
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", pending.redirect_uri),
        *((("code_verifier", pending.code_verifier),) if pending.code_verifier is not None else ()),
    )
    response = yield token_request(client, means, client.token_url, form, client.token_parameters)
    sent = (code, pending.code_verifier) if pending.code_verifier is not None else (code,)
    return token_from(response, client, asked_scope=client.scope, sent=sent)


def s256(verifier: Secret) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return urlsafe_b64encode(sha256(verifier.reveal().encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def pending_login(
    client: OAuthClient,
    means: Means,
    *,
    grant: str,
    redirect_uri: str,
    extra: Pairs = (),
    verifier: Secret | None = None,
) -> PendingLogin:
    """The authorization request of either interactive grant (RFC 6749 §4.1.1, §4.2.1), as data."""
    check_endpoint(client.authorization_url, "Authorization URL", allow_insecure=client.allow_insecure)
    state = Secret(client.state or means.random())
    custom = tuple((parameter.key, parameter.value) for parameter in client.authorization_parameters)
    for key, _ in custom:
        if key in AUTHORIZATION_REQUEST:
            raise RecordFault(
                f"the custom authorization parameter {key!r} has a name that the protocol owns."
            )
    query: Pairs = (
        ("response_type", "code" if grant == "authorization_code" else "token"),
        ("client_id", client.client_id),
        ("redirect_uri", redirect_uri),
        *((("scope", client.scope),) if client.scope else ()),
        ("state", state),
        *extra,
        *(("resource", one_resource) for one_resource in client.resource),
        *custom,
    )
    return PendingLogin(
        record=client.name,
        grant=grant,
        authorization_url=Secret(with_query(client.authorization_url, query)),
        redirect_uri=redirect_uri,
        state=state,
        code_verifier=verifier,
        issuer=client.issuer,
        issuer_must_answer=client.issuer_always_answers,
        began_at=means.now(),
    )
