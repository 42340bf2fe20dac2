"""A server that is reached by TLS: whom a program trusts, and what it says of a certificate that it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from authrecord.core.errors import TryLater
from authrecord.web.address import address_of
from authrecord.web.application import make_application
from authrecord.web.serving import Tls, listening_socket, make_server
from authrecord.wiring import Settings, open_records
from tests.stores.remote.reach import Reach

SECONDS = 30.0


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


@contextmanager
def over_tls(reach: Reach, authority: trustme.CA, folder: Path) -> Iterator[Settings]:
    """The same server on a port of its own, with a certificate of `authority`; a program's settings for it."""
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    address = address_of("127.0.0.1", port, has_tls=True, behind_tls_proxy=False)
    server = make_server(
        make_application(replace(reach.web.site, address=address)),
        tls=Tls(str(folder / "server.pem"), str(folder / "key.pem")),
        behind_proxy=False,
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    settings = reach.settings()
    try:
        yield replace(
            settings,
            environment={**settings.environment, "AUTHRECORD_STORE": f"https://127.0.0.1:{port}"},
        )
    finally:
        end = time.monotonic() + SECONDS
        while not server.started and time.monotonic() < end:
            time.sleep(0.01)
        server.should_exit = True
        thread.join(SECONDS)


def test_S25_the_certificate_is_checked_and_an_authority_may_be_added(
    reach: Reach, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach.machine()
    ca_file = str(tmp_path / "ca.pem")
    with over_tls(reach, authority, tmp_path) as settings:
        with open_records(settings=settings) as records, pytest.raises(TryLater) as caught:
            records.token("orders")
        assert caught.value.code == "store_away"
        assert "certificate" in caught.value.message
        with open_records(settings=replace(settings, ca_file=ca_file)) as records:
            assert records.token("orders").life == 3600.0
        monkeypatch.setenv("SSL_CERT_FILE", ca_file)
        with open_records(settings=settings) as records:
            assert records.token("orders").life == 3600.0
