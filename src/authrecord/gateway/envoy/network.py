"""Control over a network: mutual TLS between the control process and Envoys of other machines.

Whoever the control process lets in gets every credential that it hands out. So there is no way in over TCP without
a certificate from the one authority that the operator names, on loopback neither, where every program gets to a port.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...core.errors import RecordFault
from ..listening import tls_of
from .shapes import Json, identity_of, typed

PING_SECONDS: Final = 20
"""How often Envoy asks whether the control process is still there: a connection that died in silence is noticed."""

OPTIONS: Final = (
    ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_SECONDS * 500),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),  # a second control process at the same address is a mistake, not a helper
)
"""The server's, which takes frequent pings for an attack unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Door:
    """The control process's side: PEM files of its certificate and key, and of the authority of its Envoys."""

    certificate: Path
    key: Path
    clients: Path

    def credentials(self) -> Any:
        """For a gRPC server. Files that are replaced count from the next connection on.

        Raises `RecordFault` for files that cannot be used.
        """
        import grpc

        self._check()
        held = self._read()

        def current() -> Any:
            nonlocal held
            found = self._read()
            if found == held:
                return None
            held = found
            return _configuration(found)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(held), current, require_client_authentication=True
        )

    def _read(self) -> tuple[bytes, bytes, bytes]:
        return self.key.read_bytes(), self.certificate.read_bytes(), self.clients.read_bytes()

    def _check(self) -> None:
        """Said at the start; gRPC would refuse every connection later."""
        context = tls_of(str(self.certificate), str(self.key))
        try:
            context.load_verify_locations(cafile=str(self.clients))
        except (OSError, ssl.SSLError):
            raise RecordFault(
                "the authority of the Envoys' certificates cannot be used.",
                field="client_ca",
                hint="It is a PEM file with one certificate or more.",
            ) from None


@dataclass(frozen=True, slots=True)
class Reach:
    """Envoy's side: where the control process is, and the paths of PEM files on Envoy's own machine."""

    host: str
    port: int
    authority: str
    certificate: str
    key: str

    def tls(self) -> Json:
        """The transport socket: the control process must be who it says, and Envoy shows its own certificate."""
        context: Json = {
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_3",
                "tls_maximum_protocol_version": "TLSv1_3",
            },
            "alpn_protocols": ["h2"],
            "tls_certificates": [
                {"certificate_chain": {"filename": self.certificate}, "private_key": {"filename": self.key}}
            ],
        }
        return {
            "name": "tls",
            "typed_config": typed(
                "transport_sockets.tls.v3.UpstreamTlsContext",
                **identity_of(self.host, self.authority, context),
            ),
        }


def _configuration(read: tuple[bytes, bytes, bytes]) -> Any:
    import grpc

    key, certificate, clients = read
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=clients)
