"""What a child process needs to send its requests through a forward proxy: variables, and files it may trust."""

from __future__ import annotations

import os
import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from ..core.secret import Secret
from .authority import Authority
from .listening import Listen

USER: Final = "authrecord"
PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")
BUNDLE_VARIABLES: Final = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "HTTPLIB2_CA_CERTS",
)
"""Variables that stand in the place of the system's authorities: the file holds those as well."""

EXTRA_VARIABLES: Final = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""Variables that add to the runtime's own authorities."""

_NOT_FOR_THE_CHILD: Final = ("AUTHRECORD_KEY", "AUTHRECORD_GATEWAY_PASSWORD", "NO_PROXY", "no_proxy")


def child_environment(
    inherited: Mapping[str, str],
    *,
    proxy: Listen,
    password: Secret,
    authority: Authority | None,
    folder: Path,
    withheld: Collection[str] = (),
) -> dict[str, str]:
    """The variables of the child. The files that they name are written into `folder`, which is private.

    The key of our own store does not go to the child, nor what `withheld` names: the secrets of the records, which
    it need not know. No exception from the proxy is passed on: it would send requests past it.
    """
    kept = (name for name in inherited if name not in _NOT_FOR_THE_CHILD and name not in withheld)
    found = {name: inherited[name] for name in kept}
    found.update(dict.fromkeys(PROXY_VARIABLES, f"http://{USER}:{password.reveal()}@{proxy}"))
    found["NODE_USE_ENV_PROXY"] = "1"
    if authority is None:
        return found
    extra, bundle, store = folder / "ca.pem", folder / "bundle.pem", folder / "trust.p12"
    extra.write_bytes(authority.pem)
    bundle.write_bytes(_trusted_by_the_system(inherited) + authority.pem)
    store.write_bytes(_java_store(authority))
    found.update(dict.fromkeys(BUNDLE_VARIABLES, str(bundle)))
    found.update(dict.fromkeys(EXTRA_VARIABLES, str(extra)))
    found["SSL_CERT_DIR"] = ""
    settings = folder / "wgetrc"  # wget knows no variable but this one, for a file that stands in the user's place
    settings.write_text(f"{_own_wgetrc(inherited)}\nca_certificate = {bundle}\n", encoding="utf-8")
    found["WGETRC"] = str(settings)
    options = f"-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword={_STORE_PASSWORD}"
    found["JAVA_TOOL_OPTIONS"] = f"{inherited.get('JAVA_TOOL_OPTIONS', '')} {options}".strip()
    return found


_STORE_PASSWORD: Final = "changeit"
"""Java wants one for its list of certificates, which holds no secret; this is the one that Java itself uses."""


def _own_wgetrc(environment: Mapping[str, str]) -> str:
    """The user's settings of wget, which go on to hold."""
    path = environment.get("WGETRC") or os.path.join(environment.get("HOME", ""), ".wgetrc")
    return Path(path).read_text("utf-8", "replace") if os.path.isfile(path) else ""


def _trusted_by_the_system(environment: Mapping[str, str]) -> bytes:
    """The authorities that the child would trust without us, as PEM."""
    paths = ssl.get_default_verify_paths()
    named = environment.get("SSL_CERT_FILE", "")
    for path in (
        named,
        paths.cafile,
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
    ):
        if path and os.path.isfile(path):
            return Path(path).read_bytes() + b"\n"
    import certifi

    return Path(certifi.where()).read_bytes() + b"\n"


def _java_store(authority: Authority) -> bytes:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import (
        PKCS12Certificate,
        serialize_java_truststore,
    )

    entry = PKCS12Certificate(authority.certificate, b"authrecord")
    return serialize_java_truststore([entry], BestAvailableEncryption(_STORE_PASSWORD.encode()))
