"""The few protobuf messages that travel between us and Envoy, built from their numbers.

The subset of Envoy's API (envoy.service.discovery.v3, envoy.extensions.transport_sockets.tls.v3 and
filters.http.api_key_auth.v3) that hands over secrets. Fields that we do not name are skipped by both sides, as
protobuf has it. Why by hand, and not from a package of generated code: docs/decisions/0036.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

from .shapes import KEYS_TYPE

SECRET_TYPE: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
FILTER_TYPE: Final = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
_PACKAGE: Final = "authrecord.envoy"
_KINDS: Final = {"text": 9, "bytes": 12, "int": 5}
_REPEATED: Final = 3
_OPTIONAL: Final = 1
_MESSAGE: Final = 11

_Field = tuple[str, int, str]

# A kind with a star is repeated; one that begins with a capital is a message.
_MESSAGES: Final[dict[str, tuple[_Field, ...]]] = {
    "Node": (("id", 1, "text"), ("cluster", 2, "text")),
    "Status": (("code", 1, "int"), ("message", 2, "text")),
    "Held": (("name", 1, "text"), ("version", 2, "text")),
    "Resource": (("version", 1, "text"), ("resource", 2, "Any"), ("name", 3, "text")),
    "DeltaDiscoveryRequest": (
        ("node", 1, "Node"),
        ("type_url", 2, "text"),
        ("resource_names_subscribe", 3, "text*"),
        ("resource_names_unsubscribe", 4, "text*"),
        ("initial_resource_versions", 5, "Held*"),
        ("response_nonce", 6, "text"),
        ("error_detail", 7, "Status"),
    ),
    "DeltaDiscoveryResponse": (
        ("system_version_info", 1, "text"),
        ("resources", 2, "Resource*"),
        ("type_url", 4, "text"),
        ("nonce", 5, "text"),
        ("removed_resources", 6, "text*"),
    ),
    "DataSource": (("inline_bytes", 2, "bytes"),),
    "GenericSecret": (("secret", 1, "DataSource"),),
    "TlsCertificate": (("certificate_chain", 1, "DataSource"), ("private_key", 2, "DataSource")),
    "Secret": (
        ("name", 1, "text"),
        ("tls_certificate", 2, "TlsCertificate"),
        ("generic_secret", 5, "GenericSecret"),
    ),
    "Credential": (("key", 1, "text"), ("client", 2, "text")),
    "KeySource": (("header", 1, "text"),),
    "ApiKeyAuth": (("credentials", 1, "Credential*"), ("key_sources", 2, "KeySource*")),
    "TypedExtensionConfig": (("name", 1, "text"), ("typed_config", 2, "Any")),
}


_ONE_OF: Final = frozenset({"DataSource"})
"""Messages whose fields exclude each other: such a field is written even when it is empty, and Envoy insists on it."""


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="authrecord/envoy.proto", package=_PACKAGE, syntax="proto3"
    )
    file.dependency.append(any_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name in _ONE_OF:
            message.oneof_decl.add(name="specifier")
        for field_name, number, kind in fields:
            plain = kind.removesuffix("*")
            field = message.field.add(name=field_name, number=number)
            field.label = _OPTIONAL if plain == kind else _REPEATED
            if name in _ONE_OF:
                field.oneof_index = 0
            if plain in _KINDS:
                field.type = _KINDS[plain]
                continue
            field.type = _MESSAGE
            field.type_name = ".google.protobuf.Any" if plain == "Any" else f".{_PACKAGE}.{plain}"
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_made: Final = _classes()
DeltaDiscoveryRequest: Final = _made["DeltaDiscoveryRequest"]
DeltaDiscoveryResponse: Final = _made["DeltaDiscoveryResponse"]
Secret: Final = _made["Secret"]
ApiKeyAuth: Final = _made["ApiKeyAuth"]
TypedExtensionConfig: Final = _made["TypedExtensionConfig"]


def secret_bytes(name: str, value: bytes) -> bytes:
    """A generic secret (`envoy.extensions.transport_sockets.tls.v3.Secret`), serialised."""
    secret = Secret(name=name)
    secret.generic_secret.secret.inline_bytes = value
    serialised: bytes = secret.SerializeToString()
    return serialised


def certificate_bytes(name: str, chain: bytes, key: bytes) -> bytes:
    """A certificate with its key, both PEM, as such a secret."""
    secret = Secret(name=name)
    secret.tls_certificate.certificate_chain.inline_bytes = chain
    secret.tls_certificate.private_key.inline_bytes = key
    serialised: bytes = secret.SerializeToString()
    return serialised


def keys_bytes(name: str, keys: Iterable[str], headers: Iterable[str]) -> bytes:
    """A filter that lets in whoever sends one of `keys` in one of `headers` (`api_key_auth`), serialised."""
    filter_config = ApiKeyAuth()
    for key in keys:
        filter_config.credentials.add(key=key, client="caller")
    for header in headers:
        filter_config.key_sources.add(header=header)
    made = TypedExtensionConfig(name=name)
    made.typed_config.type_url = KEYS_TYPE
    made.typed_config.value = filter_config.SerializeToString()
    serialised: bytes = made.SerializeToString()
    return serialised
