"""Which connection carries a request that is sent again, and what is kept of the answer that refused it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from authrecord.testing import HonestServer, Reply
from tests.canary_watch import Canary
from tests.gateway.stage import OK, Gateway, Upstream, take_request
from tests.gateway.test_expiry import OLD, REFUSED, first_refused, outcome, record, request, sized

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]


@pytest.fixture
def provider(canary: Canary) -> Iterator[HonestServer]:
    with HonestServer(make_secret=canary.make, token_delay=0.3) as server:
        yield server


def in_two_pieces(answer: bytes) -> Callable[[socket.socket, Upstream], None]:
    """Serves a connection as `Upstream` does, with the body of a 401 a moment behind its head."""

    def serve(connection: socket.socket, server: Upstream) -> None:
        unread = b""
        while True:
            taken, unread = take_request(connection, unread)
            if taken is None:
                return
            reply = server.reply(taken)
            head, end, body = reply.partition(b"\r\n\r\n")
            connection.sendall(head + end)
            if reply == answer:
                time.sleep(0.05)
            connection.sendall(body)

    return serve


def test_H1_the_connection_of_a_refusal_carries_the_request_again(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    api = upstream(reply=first_refused(), serve=in_two_pieces(REFUSED))
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    told = through.ask(request(through))
    assert (told.status, told.body, outcome(told)) == (200, b"ok", ["renewed-and-replayed"])
    assert (len(api.taken), api.connections) == (2, 1)


def test_a_refusal_without_end_is_not_kept_while_its_renewal_is_under_way(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    endless = sized(b"x" * 20_000_000, status=b"401 No")
    api = upstream(reply=first_refused(endless), serve=in_two_pieces(endless))
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    told = through.ask(request(through))
    assert (told.status, told.body) == (200, b"ok")
    assert (len(api.taken), api.connections) == (2, 2)


def test_a_large_refusal_passes_whole_where_the_renewal_fails(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    large = sized(b"x" * 2_000_000, status=b"401 No")
    answers = iter([OK, large])
    api = upstream(reply=lambda taken: next(answers), serve=in_two_pieces(large))
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    assert through.ask(request(through)).status == 200
    refusal = Reply(400, (("content-type", "application/json"),), b'{"error": "invalid_client"}')
    provider.failures = [refusal] * 3
    told = through.ask(request(through))
    assert (told.status, len(told.body), outcome(told)) == (401, 2_000_000, ["renewal-failed"])
