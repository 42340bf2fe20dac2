"""Bad answers of an authorization endpoint: what comes to the client's redirect URI through the user's browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import urlencode

from .hostile_scene import HostileAnswer, Make, Scene
from .messages import Reply, redirect

Pairs: TypeAlias = list[tuple[str, str]]

HUGE: Final = 64_000
"""Characters; HTTP clients and browsers refuse a redirect whose header is much longer."""


def good_authorization(scene: Scene) -> Pairs:
    """What an honest server would answer: a code or a token, the state, the issuer."""
    query = dict(scene.received.query)
    if query.get("response_type") == "token":
        given = [("access_token", scene.token), ("token_type", "Bearer"), ("expires_in", "3600")]
    else:
        given = [("code", scene.token)]
    return [*given, ("state", query.get("state", "")), ("iss", scene.url)]


def back(scene: Scene, pairs: Pairs) -> Reply:
    """A redirect to the redirect URI of the request, which is not checked; a fragment for the implicit grant."""
    query = dict(scene.received.query)
    target = query.get("redirect_uri", "")
    implicit = query.get("response_type") == "token"
    mark = "#" if implicit else ("&" if "?" in target else "?")
    return redirect(target + mark + urlencode(pairs))


def _changed(change: Callable[[Scene, dict[str, str]], None]) -> Make:
    def make(scene: Scene) -> Reply:
        values = dict(good_authorization(scene))
        change(scene, values)
        return back(scene, list(values.items()))

    return make


def _with(**values: str) -> Make:
    return _changed(lambda scene, good: good.update(values))


def _without(*names: str) -> Make:
    return lambda scene: back(scene, [pair for pair in good_authorization(scene) if pair[0] not in names])


def _and(*pairs: tuple[str, str]) -> Make:
    return lambda scene: back(scene, [*good_authorization(scene), *pairs])


def _doubled(name: str) -> Make:
    def make(scene: Scene) -> Reply:
        good = good_authorization(scene)
        return back(scene, [*good, *(pair for pair in good if pair[0] == name)])

    return make


def _denied(*, with_state: bool, with_code: bool) -> Make:
    left_out = {"access_token"} | (set() if with_state else {"state"}) | (set() if with_code else {"code"})

    def make(scene: Scene) -> Reply:
        kept = [pair for pair in good_authorization(scene) if pair[0] not in left_out]
        return back(scene, [("error", "access_denied"), *kept])

    return make


HOSTILE_AUTHORIZATIONS: Final[Mapping[str, HostileAnswer]] = MappingProxyType(
    {
        "A1_no_state": HostileAnswer("no state", _without("state")),
        "A2_wrong_state": HostileAnswer("another state", _with(state="another")),
        "A2_empty_state": HostileAnswer("an empty state", _with(state="")),
        "A2_doubled_state": HostileAnswer("the state twice", _doubled("state")),
        "A2_huge_state": HostileAnswer("a state of 64,000 characters", _with(state="s" * HUGE)),
        "A7_error_without_state": HostileAnswer(
            "an error without the state", _denied(with_state=False, with_code=False)
        ),
        "A8_error_and_code": HostileAnswer("an error and a code", _denied(with_state=True, with_code=True)),
        "A11_another_issuer": HostileAnswer(
            "the issuer of another server", _changed(lambda s, good: good.update(iss=s.lure))
        ),
        "A21_code_with_signs": HostileAnswer(
            "a good code with + / % & # = and a space behind it",
            _changed(lambda s, good: good.update(code=s.token + "+/%&#= é")),
        ),
        "S5_doubled_code": HostileAnswer("the code twice", _doubled("code")),
        "S14_unknown_parameters": HostileAnswer("a good answer with more in it", _and(("x-more", "1"))),
        "S16_hostile_description": HostileAnswer(
            "an error_description with escapes, markup and bidi",
            lambda s: back(
                s,
                [
                    ("error", "server_error"),
                    ("error_description", "\x1b[31m<script>alert(1)</script>\u202e\r\nX: y"),
                    ("error_uri", "javascript:alert(1)"),
                    *(pair for pair in good_authorization(s) if pair[0] in {"state", "iss"}),
                ],
            ),
        ),
        "S64_issuer_with_slash": HostileAnswer(
            "the issuer with a slash behind it", _changed(lambda s, good: good.update(iss=s.url + "/"))
        ),
        "S64_issuer_in_capitals": HostileAnswer(
            "the issuer's scheme in capitals",
            _changed(lambda s, good: good.update(iss=s.url.replace("http", "HTTP", 1))),
        ),
        "S64_doubled_issuer": HostileAnswer("the issuer twice", _doubled("iss")),
        "S65_no_issuer": HostileAnswer("no iss", _without("iss")),
        "B7_refresh_token_in_fragment": HostileAnswer(
            "a refresh token, which the implicit grant never gives", _with(refresh_token="never")
        ),
        "B7_doubled_token": HostileAnswer("the access token twice", _doubled("access_token")),
        "B7_huge_value": HostileAnswer("a value of 64,000 characters", _with(padding="x" * HUGE)),
        "B7_life_word": HostileAnswer("expires_in abc", _with(expires_in="abc")),
        "S17_type_mac": HostileAnswer("token_type mac", _with(token_type="mac")),
    }
)
"""The bad answers of `/authorize`, by name. Those of rows B and S17 are for `response_type=token`."""
