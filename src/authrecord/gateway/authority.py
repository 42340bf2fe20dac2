"""The local certificate authority of the forward proxy, so that HTTPS to the records' hosts can be read here.

Whoever has its key can read the traffic of those who trust it. So it is bound to the records' hosts by critical
name constraints (RFC 5280 §4.2.1.10), lives for a year at most, its key stands in a file of mode 0600, and the
certificates it signs live for a day.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..core.errors import RecordFault, StoreFault
from ..core.origin import canonical_host
from ..stores import private_files

LIFE_DAYS: Final = 365
LEAF_HOURS: Final = 24
MOST_LEAVES: Final = 1024
MOST_FILE_BYTES: Final = 64 * 1024
_SLACK: Final = dt.timedelta(minutes=5)
_PEM: Final = serialization.Encoding.PEM


class Authority:
    """A certificate and its key. `now`: the time, with its zone."""

    def __init__(
        self,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.certificate = certificate
        self._key = key
        self._now = now
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: dict[str, tuple[ssl.SSLContext, dt.datetime]] = {}

    def __repr__(self) -> str:
        return f"Authority({', '.join(self.hosts)})"

    @classmethod
    def made(cls, hosts: Iterable[str], now: Callable[[], dt.datetime]) -> Authority:
        """A new one for these hosts: names, `*.` for what is below one, or addresses. Raises `RecordFault`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "authrecord"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"authrecord gateway {secrets.token_hex(4)}"),
            ]
        )
        begin = now() - _SLACK
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + dt.timedelta(days=LIFE_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_constraints(hosts), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key, now)

    @classmethod
    def loaded(cls, folder: Path, now: Callable[[], dt.datetime]) -> Authority | None:
        """The one that is kept in `folder`; `None` when there is none. Raises `StoreFault` for an unsafe one."""
        try:
            key_text = private_files.read(str(folder / "ca.key"), MOST_FILE_BYTES)
            certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
            key = serialization.load_pem_private_key(key_text, password=None)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            key = None
            certificate = None
        if certificate is None or not isinstance(key, ec.EllipticCurvePrivateKey):
            raise StoreFault(
                f"the certificate authority in {folder} cannot be used.",
                hint="Make a new one: authrecord ca rotate.",
                code="bad_authority",
            )
        return cls(certificate, key, now)

    def save(self, folder: Path) -> None:
        """Keep it in `folder`: the key for its owner's eyes only. Raises `StoreFault`."""
        private_files.make_folder(str(folder))
        key = self._key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        try:
            private_files.write_new(str(folder / "ca.key"), key)
            private_files.write_new(str(folder / "ca.pem"), self.pem)
        except OSError as error:
            raise private_files.unusable(str(folder), error) from None

    @property
    def pem(self) -> bytes:
        """The certificate, for those who shall trust it."""
        return self.certificate.public_bytes(_PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers show it."""
        text = self.certificate.fingerprint(hashes.SHA256()).hex().upper()
        return ":".join(text[at : at + 2] for at in range(0, len(text), 2))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names and networks that it may speak for."""
        names = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        return tuple(str(one.value) for one in names.permitted_subtrees or ())

    @property
    def is_current(self) -> bool:
        """True while it is valid, and will be for as long as a leaf."""
        end = self.certificate.not_valid_after_utc
        return self._now() + dt.timedelta(hours=LEAF_HOURS) < end

    def covers(self, host: str) -> bool:
        """True when it may speak for `host`; `*.` asks for what is below a name."""
        if not self.is_current:
            return False
        name = host.removeprefix("*.").strip("[]")
        for one in self.hosts:
            if "/" in one:
                if _is_address(name) and ipaddress.ip_address(name) in ipaddress.ip_network(one):
                    return True
            elif name == one or name.endswith("." + one):
                return True
        return False

    def leaf(self, host: str) -> tuple[bytes, bytes]:
        """A certificate for `host` with ours behind it, and its key, both PEM: for a server in another process."""
        key = self._leaf_key.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self._leaf(host).public_bytes(_PEM) + self.pem, key

    def context(self, host: str) -> ssl.SSLContext:
        """TLS as `host`, for a caller that has asked for that host: another server name is refused (row O10)."""
        found = self._contexts.get(host)
        if found is not None and self._now() < found[1]:
            return found[0]
        if len(self._contexts) >= MOST_LEAVES:
            self._contexts.clear()
        made = self._made_context(host)
        self._contexts[host] = (made, self._now() + dt.timedelta(hours=LEAF_HOURS / 2))
        return made

    def _made_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # ssl reads keys from files only: it is encrypted under a password that nobody else ever has.
        password = secrets.token_bytes(32)
        key = self._leaf_key.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(password)
        )
        with tempfile.TemporaryDirectory(prefix="authrecord-leaf-") as folder:
            path = os.path.join(folder, "leaf.pem")
            with open(path, "xb", opener=_private) as file:
                file.write(key + self._leaf(host).public_bytes(_PEM) + self.pem)
            context.load_cert_chain(path, password=password)

        def named(
            _connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext
        ) -> int | None:
            return (
                None if name is None or _is_same(name, host) else int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
            )

        context.sni_callback = named
        return context

    def _leaf(self, host: str) -> x509.Certificate:
        name = host.strip("[]")
        general = x509.IPAddress(ipaddress.ip_address(name)) if _is_address(name) else x509.DNSName(name)
        begin = self._now() - _SLACK
        key = self._leaf_key.public_key()
        builder = (
            x509.CertificateBuilder()
            # No host stands here: readers take a common name that looks like one for a name to be judged.
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authrecord gateway leaf")]))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + dt.timedelta(hours=LEAF_HOURS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([general]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        return builder.sign(self._key, hashes.SHA256())


def kept_authority(folder: Path, hosts: Iterable[str], now: Callable[[], dt.datetime]) -> Authority:
    """The authority in `folder`, made for `hosts` when there is none.

    Raises `RecordFault` when the one that is there does not speak for one of the hosts: making another one is for
    the user to decide, who has to trust it.
    """
    wanted = list(hosts)
    found = Authority.loaded(folder, now)
    if found is None:
        found = Authority.made(wanted, now)
        found.save(folder)
    missing = [host for host in wanted if not found.covers(host)]
    if missing:
        raise RecordFault(
            f"the gateway's certificate authority does not speak for {', '.join(missing[:3])}.",
            field="allowed_origins",
            hint="Make a new one with `authrecord ca rotate`, and trust it again.",
            code="authority_too_narrow",
        )
    return found


def _constraints(hosts: Iterable[str]) -> x509.NameConstraints:
    """The hosts may be spoken for, and nothing else: neither other names nor other addresses."""
    permitted: list[x509.GeneralName] = []
    for host in hosts:
        name = host.removeprefix("*.").strip("[]")
        if _is_address(name):
            permitted.append(x509.IPAddress(ipaddress.ip_network(name)))
        else:
            permitted.append(x509.DNSName(name))
    if not permitted:
        raise RecordFault(
            "there is no https host to make a certificate authority for.", field="allowed_origins"
        )
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(one, x509.DNSName) for one in permitted):
        excluded.append(x509.DNSName(""))
    for version, everything in ((4, "0.0.0.0/0"), (6, "::/0")):
        if not any(isinstance(one, x509.IPAddress) and one.value.version == version for one in permitted):
            excluded.append(x509.IPAddress(ipaddress.ip_network(everything)))
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(name: str, host: str) -> bool:
    """Whether a TLS server name means `host`. Some clients put the port behind it, which names nobody else."""
    before, colon, port = name.rpartition(":")
    if colon and port.isdigit() and ":" not in before:
        name = before
    try:
        return canonical_host(name) == host
    except ValueError:
        return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
