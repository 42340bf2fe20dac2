"""TLS of token requests: whom they trust, and which certificate they show."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from ..core.errors import RecordFault
from ..core.messages import ClientCertificate


def tls_context(ca_file: str, certificate: ClientCertificate | None) -> ssl.SSLContext:
    """A context that verifies the server's certificate and name, always (S25).

    It trusts the system's authorities, certifi's where the system has none, and those in `ca_file`. Raises
    `RecordFault` when a file cannot be used.
    """
    context = ssl.create_default_context()
    # SSLKEYLOGFILE is for browsers; here it would write down what opens our traffic.
    context.keylog_filename = None  # type: ignore[assignment]  # typeshed forgets that None ends it
    paths = ssl.get_default_verify_paths()
    if not paths.cafile and not paths.capath:
        import certifi

        context.load_verify_locations(certifi.where())
    if ca_file and not _loaded(lambda: context.load_verify_locations(ca_file)):
        raise RecordFault("the file of certificate authorities cannot be read as PEM.", field="ca_file")
    if certificate is not None and not _loaded(
        lambda: context.load_cert_chain(
            certificate.certificate_file, certificate.key_file, password=lambda: ""
        )
    ):
        raise RecordFault(
            "the client certificate or its key cannot be used.",
            field="auth.credentials.client_certificate",
            hint="Both are PEM files, the key belongs to the certificate and is not encrypted.",
        )
    return context


def _loaded(load: Callable[[], None]) -> bool:
    try:
        load()
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return False
    return True
