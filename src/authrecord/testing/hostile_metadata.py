"""Bad discovery documents (RFC 8414): another issuer, weak PKCE, endpoints that lead elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from . import hostile_bodies as bodies
from .hostile_scene import HostileAnswer, Make, Scene, body, location
from .messages import as_html, as_json


def good_metadata(scene: Scene) -> dict[str, object]:
    """What an honest server at that origin would say."""
    return {
        "issuer": scene.url,
        "authorization_endpoint": scene.url + "/authorize",
        "token_endpoint": scene.url + "/token",
        "response_types_supported": ["code", "token"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _with(change: Callable[[Scene], Mapping[str, object]]) -> Make:
    return lambda scene: as_json({**good_metadata(scene), **change(scene)})


def _without(name: str) -> Make:
    return lambda scene: as_json({key: value for key, value in good_metadata(scene).items() if key != name})


HOSTILE_METADATA: Final[Mapping[str, HostileAnswer]] = MappingProxyType(
    {
        "good": HostileAnswer("what an honest server would say", _with(lambda s: {})),
        "S34_only_plain_pkce": HostileAnswer(
            "PKCE with plain only", _with(lambda s: {"code_challenge_methods_supported": ["plain"]})
        ),
        "S67_another_issuer": HostileAnswer(
            "the issuer is another origin", _with(lambda s: {"issuer": s.lure})
        ),
        "S67_issuer_with_slash": HostileAnswer(
            "the issuer has a slash behind it", _with(lambda s: {"issuer": s.url + "/"})
        ),
        "S67_issuer_in_capitals": HostileAnswer(
            "the issuer's scheme is written in capitals",
            _with(lambda s: {"issuer": s.url.replace("http", "HTTP", 1)}),
        ),
        "S67_no_issuer": HostileAnswer("no issuer", _without("issuer")),
        "S65_does_not_name_itself": HostileAnswer(
            "does not promise iss in its answers",
            _with(lambda s: {"authorization_response_iss_parameter_supported": False}),
        ),
        "S68_http_endpoints": HostileAnswer(
            "endpoints over http at a host that is not loopback",
            _with(
                lambda s: {
                    "authorization_endpoint": "http://id.example.com/authorize",
                    "token_endpoint": "http://id.example.com/token",
                }
            ),
        ),
        "S68_token_endpoint_elsewhere": HostileAnswer(
            "the token endpoint is another origin's", _with(lambda s: {"token_endpoint": s.lure + "/token"})
        ),
        "D7_script_endpoint": HostileAnswer(
            "an authorization endpoint that is a script",
            _with(lambda s: {"authorization_endpoint": "javascript:alert(1)"}),
        ),
        "D7_file_endpoint": HostileAnswer(
            "a token endpoint that is a file", _with(lambda s: {"token_endpoint": "file:///etc/hostname"})
        ),
        "D8_endpoint_with_user": HostileAnswer(
            "a token endpoint with user information",
            _with(lambda s: {"token_endpoint": s.url.replace("://", "://user:pass@") + "/token"}),
        ),
        "C1_page": HostileAnswer("a page instead of a document", lambda s: as_html("<h1>Hello</h1>")),
        "C2_list": HostileAnswer("a list instead of an object", body(b"[]")),
        "C2_numbers": HostileAnswer(
            "numbers where URLs belong", _with(lambda s: {"token_endpoint": 7, "issuer": s.url})
        ),
        "C6_endless_body": HostileAnswer(
            "a document without an end", bodies.endless("application/json", b" " * 65536)
        ),
        "C10_redirect": HostileAnswer(
            "302 to another origin's document", location("{lure}/.well-known/oauth-authorization-server")
        ),
    }
)
"""The discovery documents, by name."""
