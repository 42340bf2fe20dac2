"""A record that is deleted at the page or through the API takes its tokens along, at the provider as well."""

from __future__ import annotations

import pytest

from authrecord.testing.devserver import DevServer
from tests.canary_watch import Canary
from tests.web.stage import Stage
from tests.web.test_api import devserver, machine

__all__ = ["devserver"]


def revocations(server: DevServer) -> int:
    return sum(request.target.startswith("/revoke") for request in server.server.requests)


@pytest.mark.parametrize("way", ["page", "api"])
def test_a_deleted_record_gives_its_token_back(
    web: Stage, canary: Canary, devserver: DevServer, way: str
) -> None:
    """RFC 7009; a delete of an older revision is refused, and leaves the token alive."""
    record = machine(devserver)
    record["auth"]["revocation_url"] = devserver.server.issuer + "/revoke"
    stored = web.put(record)
    program, visitor = web.program("records:write", "records:read", "tokens:use"), web.browser("ann")
    assert program.post("/records/machine/token").status_code == 200

    def delete(revision: int) -> int:
        if way == "page":
            return visitor.post("/records/machine/delete", {":revision": str(revision)}).status_code
        tag = program.get("/records/machine").headers["etag"] if revision == stored.revision else '"0"'
        return program.delete("/records/machine", headers={"if-match": tag}).status_code

    assert delete(stored.revision + 7) in {409, 412}
    assert revocations(devserver) == 0
    assert delete(stored.revision) in {204, 303}
    assert revocations(devserver) == 1
    assert not web.store().holds("machine")
