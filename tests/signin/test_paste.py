"""Paste-back on a machine without a browser: checked exactly as strictly as an answer that comes by itself."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from authrecord.core.errors import LoginFailed
from authrecord.core.secret import Secret
from authrecord.signin import Progress, Step, login
from authrecord.signin.browser import browser_command
from authrecord.testing import HonestServer
from tests.signin.stage import Stage


class Person:
    """Opens the shown address by hand, and pastes what `change` makes of the address it is redirected to."""

    def __init__(self, *changes: object) -> None:
        self.changes = list(changes)

    def __call__(self, url: str) -> str:
        with httpx2.Client(trust_env=False) as http:
            address = http.get(url).headers["location"]
        change = self.changes.pop(0) if self.changes else str
        assert callable(change)
        return str(change(address))


@pytest.fixture
def paste_stage(server: HonestServer, http: httpx2.Client) -> Iterator[Stage]:
    one = Stage(server, http, use_browser=False, callback_url="https://app.example.com/callback")
    yield one
    one.close()


def wrapped(address: str) -> str:
    return "\n  ".join(address[start : start + 30] for start in range(0, len(address), 30)) + " \r\n"


@pytest.mark.parametrize(
    "change",
    [
        str,
        lambda address: address.partition("?")[2],
        lambda address: "?" + address.partition("?")[2],
        wrapped,
    ],
)
def test_A22_the_whole_address_or_only_its_query_is_accepted(paste_stage: Stage, change: object) -> None:
    token = login(paste_stage.keeper, paste_stage.record, paste=Person(change), timeout=20)
    assert paste_stage.keeper.token(paste_stage.record).is_same(token)


def test_A22_another_host_path_or_state_is_refused_and_the_login_goes_on(paste_stage: Stage) -> None:
    steps: list[Progress] = []
    person = Person(
        lambda address: address.replace("app.example.com", "evil.example.net"),
        lambda address: address.replace("/callback", "/other"),
        lambda address: address.replace("https://", "http://"),
        lambda address: address.replace("state=", "state=x"),
        lambda address: address + "&state=twice",
        lambda address: "nothing of the kind",
        lambda address: "",
        str,
    )
    login(paste_stage.keeper, paste_stage.record, paste=person, report=steps.append, timeout=20)
    assert sum(progress.step is Step.REJECTED for progress in steps) == 6
    assert paste_stage.server.counters.token_requests == 1


def test_a_pasted_error_ends_the_login(paste_stage: Stage) -> None:
    def denied(address: str) -> str:
        return address.partition("code=")[0] + "error=access_denied&" + address.partition("&")[2]

    with pytest.raises(LoginFailed) as failed:
        login(paste_stage.keeper, paste_stage.record, paste=Person(denied), timeout=20)
    assert failed.value.code == "refused"


def test_the_implicit_fragment_is_accepted_too(server: HonestServer, http: httpx2.Client) -> None:
    stage = Stage(
        server, http, grant="implicit", use_browser=False, callback_url="https://app.example.com/callback"
    )
    login(stage.keeper, stage.record, paste=Person(str), timeout=20)
    assert stage.keeper.authenticator(stage.record).credential().token is not None
    stage.close()


def test_without_a_browser_the_address_can_be_pasted_while_the_listener_waits(stage: Stage) -> None:
    token = login(stage.keeper, stage.record, open_url=lambda url: False, paste=Person(str), timeout=20)
    assert stage.keeper.token(stage.record).is_same(token)


def test_without_a_browser_and_without_a_terminal_the_login_says_so(stage: Stage) -> None:
    with pytest.raises(LoginFailed) as failed:
        login(stage.keeper, stage.record, open_url=lambda url: False, timeout=20)
    assert failed.value.code == "no_browser"


def test_a_grant_that_needs_nobody_logs_in_by_itself(server: HonestServer, http: httpx2.Client) -> None:
    stage = Stage(server, http, grant="client_credentials")
    first = login(stage.keeper, stage.record)
    second = login(stage.keeper, stage.record)
    assert not first.is_same(second)
    assert server.counters.token_requests == 2
    stage.close()


def test_S18_a_password_that_is_not_in_the_record_is_asked_for(
    server: HonestServer, http: httpx2.Client
) -> None:
    from dataclasses import replace

    from authrecord.record import OAuth2

    user = server.register_user("ada")
    stage = Stage(server, http, grant="password")
    assert isinstance(stage.record.auth, OAuth2)
    credentials = replace(stage.record.auth.credentials, username="ada", keep_password=False)
    record = replace(stage.record, auth=replace(stage.record.auth, credentials=credentials))
    token = login(stage.keeper, record, ask_password=lambda: Secret(user.password))
    assert stage.keeper.token(record, rejected=token).generation == 2
    with pytest.raises(LoginFailed):
        login(stage.keeper, record)
    stage.close()


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"SSH_CONNECTION": "x", "BROWSER": "w3m"}, None),
        ({"BROWSER": "/bin/true %s"}, ["/bin/true"]),
        ({"BROWSER": "lynx:/bin/true --new-window"}, ["/bin/true", "--new-window"]),
    ],
)
def test_S45_a_graphical_browser_is_found_or_there_is_none(
    environment: dict[str, str], found: list[str] | None
) -> None:
    assert browser_command(environment, "linux") == found
    assert browser_command({}, "darwin") == ["open"]
