"""S25, S77: TLS of token requests: whom they trust, and which certificate they show."""

from __future__ import annotations

import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from authrecord.clients.sender import TokenSender
from authrecord.clients.sender_tls import tls_context
from authrecord.core.errors import RecordFault, TryLater
from authrecord.core.messages import ClientCertificate
from tests.canary_watch import Canary

from .sending import nothing_told, token_request
from .sockets import listening, read_request


class Authority:
    """A certificate authority of the test's own, with files for both ends."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)

    def server(self, name: str, *, wants_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            self.authority.configure_trust(context)
        return context

    def client(self, folder: Path, name: str) -> ClientCertificate:
        issued = self.authority.issue_cert(name)
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        for pem in issued.cert_chain_pems:
            pem.write_to_path(str(folder / f"{name}.pem"), append=True)
        return ClientCertificate(str(folder / f"{name}.pem"), str(folder / f"{name}.key"))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def greets(connection: socket.socket) -> None:
    read_request(connection)
    peer = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    alternatives: Any = (peer or {}).get("subjectAltName", ())
    names = ",".join(value for _, value in alternatives)
    connection.sendall(
        f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(names)}\r\n\r\n{names}".encode()
    )


def test_S25_a_certificate_of_an_unknown_authority_is_refused_and_nothing_is_sent(
    canary: Canary, authority: Authority, send: TokenSender
) -> None:
    secret = canary("client secret")
    with (
        listening(greets, authority.server("localhost")) as port,
        pytest.raises(TryLater, match="certificate") as caught,
    ):
        send(token_request(f"https://localhost:{port}/", secret))
    assert not caught.value.outcome_unknown
    assert nothing_told(caught.value, secret)


def test_S25_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    sender = TokenSender(clock=time, ca_file=authority.ca_file)
    with (
        listening(greets, authority.server("as.example")) as port,
        pytest.raises(TryLater, match="certificate"),
    ):
        sender(token_request(f"https://localhost:{port}/"))


def test_S25_an_own_authority_is_trusted_when_its_file_is_given(authority: Authority) -> None:
    sender = TokenSender(clock=time, ca_file=authority.ca_file)
    with listening(greets, authority.server("localhost")) as port:
        assert sender(token_request(f"https://localhost:{port}/")).status == 200
    sender.close()


def test_S77_each_client_certificate_has_connections_of_its_own(authority: Authority, tmp_path: Path) -> None:
    sender = TokenSender(clock=time, ca_file=authority.ca_file)
    first, second = (authority.client(tmp_path, name) for name in ("one.example", "two.example"))
    with listening(greets, authority.server("localhost", wants_client=True)) as port:
        url = f"https://localhost:{port}/"
        bodies = [sender(token_request(url, client_certificate=each)).body for each in (first, second, first)]
        with pytest.raises(TryLater):
            sender(token_request(url))
    assert bodies == [b"one.example", b"two.example", b"one.example"]
    sender.close()


def test_S77_a_client_certificate_that_cannot_be_read_is_a_fault_of_the_record(
    tmp_path: Path, send: TokenSender
) -> None:
    missing = ClientCertificate(str(tmp_path / "none.pem"), str(tmp_path / "none.key"))
    with pytest.raises(RecordFault, match="client certificate"):
        send(token_request("https://localhost:9/", client_certificate=missing))
    assert os.listdir(tmp_path) == []


def test_no_key_log_of_the_environment_opens_the_traffic_with_providers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert ssl.create_default_context().keylog_filename, "Python itself follows the variable"
    assert tls_context("", None).keylog_filename is None
