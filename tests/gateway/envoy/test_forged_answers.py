"""Row O2 from the other side: what an API says in the words of our own filters."""

from __future__ import annotations

from collections.abc import Callable

from authrecord.core.origin import allowed_origins, origin_of
from authrecord.gateway.envoy.placement import placement_of
from authrecord.gateway.envoy.plan import Target
from authrecord.gateway.envoy.scripts import key_of
from authrecord.gateway.rules import Rule
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.envoy.stage import Make, client_record
from tests.gateway.envoy.test_rows_credentials import key_record
from tests.gateway.stage import Taken, Upstream

MakeUpstream = Callable[..., Upstream]


def test_O2_an_api_that_forges_what_our_filters_say_to_each_other_causes_nothing(
    upstream: MakeUpstream, envoy: Make, canary: Canary, provider: HonestServer
) -> None:
    forged: list[str] = []

    def refusing(taken: Taken) -> bytes:
        lines = "".join(
            f"X-{name}\r\n"
            for name in (
                f"Envoy-Authrecord-Context: {forged[0]} 401 1 2 GET 0 0 x",
                "Envoy-Authrecord-Replay: 1",
                "Authrecord-Outcome: renewed-and-replayed",
            )
        )
        challenge = 'WWW-Authenticate: Bearer error="invalid_token"\r\n'
        return f"HTTP/1.1 401 no\r\n{lines}{challenge}Content-Length: 2\r\n\r\nno".encode()

    api = upstream(reply=refusing)
    renewable = client_record(provider, api.url)
    query = key_record(canary, api.url, "query")
    paths = {"/judged": renewable, "/query": query}
    rules = [
        Rule(records=(record.name,), origins=allowed_origins([api.url]), path=path)
        for path, record in paths.items()
    ]
    forged.append(key_of(Target(origin_of(api.url), (placement_of(renewable),))))
    through = envoy(api.url, renewable, query, rules=rules)
    before = provider.counters.token_requests
    told = through.get("/query")
    assert (told.status, told.body, len(api.taken)) == (401, b"no", 1)
    assert provider.counters.token_requests == before
    assert b"authrecord" not in told.head.lower()
    assert through.get("/judged").values("x-authrecord-outcome") != ["renewed-and-replayed"]
