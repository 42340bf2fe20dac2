"""Jupyter Server says 403 and `Forbidden` to a token that it does not know: the expired message pattern's case.

Jupyter issues no tokens, so an authorization server of `authrecord.testing` hands out the ones that each test
wants; what is tested is how authrecord reads the answers of an API that is not ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from authrecord.core.expiry import Expired
from authrecord.core.replay import Reason
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.real.callers import LIBRARIES, get
from tests.real.conftest import Open
from tests.real.jupyter_site import JupyterServer

PATTERN = r'"message":\s*"Forbidden"'
USAGES = pytest.mark.parametrize(
    "usage",
    [{"add_to": "header", "header_prefix": "token"}, {"add_to": "query", "query_name": "token"}],
    ids=["prefix", "query"],
)


class TokenServer:
    """An authorization server that hands out the given access tokens, in their order."""

    def __init__(self, tokens: Sequence[str], canary: Canary) -> None:
        self._tokens = iter(tokens)
        self._make = canary.make
        self.server = HonestServer(make_secret=self._secret)
        self.client = self.server.register_client("client_credentials")
        self.secrets = {"CLIENT_SECRET": self.client.secret}

    def _secret(self, label: str) -> str:
        return next(self._tokens) if label == "access_token" else self._make(label)

    @property
    def issued(self) -> int:
        """How many tokens it has issued."""
        return self.server.counters.tokens_issued

    def record(self, api: JupyterServer, usage: dict[str, str], pattern: str) -> dict[str, Any]:
        """A record for the API with the tokens of this server."""
        exchange = {"url": self.server.token_url} | ({"expired_pattern": pattern} if pattern else {})
        auth = {
            "type": "oauth2",
            "grant": "client_credentials",
            "credentials": {"client_id": self.client.client_id, "client_secret": "${env:CLIENT_SECRET}"},
            "token_exchange": exchange,
            "token_usage": usage,
        }
        return {"name": "notebook", "allowed_origins": [api.server.origin], "auth": auth}


@pytest.fixture
def stale_then_right(jupyter_server: JupyterServer, canary: Canary) -> Iterator[TokenServer]:
    """First a token that Jupyter does not know, then the right one."""
    tokens = TokenServer([canary("stale_token"), jupyter_server.token], canary)
    with tokens.server:
        yield tokens


@USAGES
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_answer_403_that_holds_the_pattern_renews_and_the_caller_sees_the_second_answer_only(
    jupyter_server: JupyterServer,
    stale_then_right: TokenServer,
    open_records: Open,
    canary: Canary,
    usage: dict[str, str],
    library: str,
) -> None:
    record = stale_then_right.record(jupyter_server, usage, PATTERN)
    records = open_records([record], stale_then_right.secrets)
    got = get(library, lambda client: records.attach(client, "notebook"), jupyter_server.contents)
    assert (got.status, got.data["type"], stale_then_right.issued) == (200, "directory", 2)
    assert got.outcome is not None
    assert (got.outcome.reason, got.outcome.expired) == (Reason.RENEWED_AND_REPLAYED, Expired.PATTERN)
    canary.scan(got.printable, "what the caller can print")


@USAGES
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_answer_403_without_a_pattern_is_the_callers_and_renews_nothing(
    jupyter_server: JupyterServer,
    stale_then_right: TokenServer,
    open_records: Open,
    canary: Canary,
    usage: dict[str, str],
    library: str,
) -> None:
    """403 means "not allowed" in most APIs: only the record can say that this one means "expired"."""
    record = stale_then_right.record(jupyter_server, usage, "")
    records = open_records([record], stale_then_right.secrets)
    got = get(library, lambda client: records.attach(client, "notebook"), jupyter_server.contents)
    assert (got.status, got.data["message"], stale_then_right.issued) == (403, "Forbidden", 1)
    assert got.outcome is not None
    assert (got.outcome.reason, got.outcome.replays) == (Reason.AUTHENTICATED, 0)
    canary.scan(got.printable, "what the caller can print")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_renewed_token_that_is_refused_as_well_ends_with_the_answer_and_a_reason(
    jupyter_server: JupyterServer, open_records: Open, canary: Canary, library: str
) -> None:
    """One renewal and one replay, however often the API says `Forbidden`."""
    tokens = TokenServer([canary(f"wrong_token_{number}") for number in range(5)], canary)
    with tokens.server:
        usage = {"add_to": "header", "header_prefix": "token"}
        record = tokens.record(jupyter_server, usage, PATTERN)
        records = open_records([record], tokens.secrets)
        got = get(library, lambda client: records.attach(client, "notebook"), jupyter_server.contents)
    assert (got.status, got.data["message"], tokens.issued) == (403, "Forbidden", 2)
    assert got.outcome is not None
    assert (got.outcome.reason, got.outcome.replays) == (Reason.RENEWED_TOKEN_REFUSED, 1)
    canary.scan(got.printable, "what the caller can print")
