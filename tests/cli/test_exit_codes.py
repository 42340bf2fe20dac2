"""Each exit code, by a real cause, in a process of its own: no traceback, no secret, a word of what to do next."""

from __future__ import annotations

import signal

import pytest

from authrecord.cli.failures import EXIT_CODES, RENEWAL_THREAD
from authrecord.core.errors import AuthrecordError
from authrecord.keeper import crew
from authrecord.testing import HostileServer, Reply
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Ended, Shop
from tests.cli.terminal import on_terminal


def said(ended: Ended) -> str:
    """Both streams, without a traceback in them."""
    text = ended.out + ended.err
    assert "Traceback" not in text
    assert 'File "' not in text
    return text


def test_zero_when_there_is_nothing_to_do(shop: Shop) -> None:
    ended = shop.desk.spawn("list")
    assert (ended.code, ended.err) == (0, "")


def test_one_when_request_fail_gets_an_error(shop: Shop) -> None:
    url = f"{shop.server.url}/api/forbidden"
    assert shop.desk.run("request", "orders", "GET", url).code == 0
    ended = shop.desk.run("request", "orders", "GET", url, "--fail")
    assert ended.code == 1
    assert "insufficient_scope" in ended.out


def test_one_when_check_finds_that_the_api_says_no(shop: Shop) -> None:
    ended = shop.desk.run("check", "orders", f"{shop.server.url}/api/forbidden")
    assert ended.code == 1
    assert "scope" in said(ended)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("token",),
        ("token", "orders", "--nonsense"),
        ("request", "orders", "GET", "http://[", "--timeout", "0"),
        ("add", "new"),
        ("add", "new", "--type", "oauth2"),
        ("completion", "tcsh"),
    ],
)
def test_two_when_the_command_is_not_written_right(shop: Shop, arguments: tuple[str, ...]) -> None:
    ended = shop.desk.run(*arguments)
    assert ended.code == 2
    assert "Error: " in said(ended)


@pytest.mark.parametrize("url", ["not-a-url", "ftp://api.example.com/", "http://"])
def test_a_url_that_cannot_be_requested_is_no_fault_of_ours(shop: Shop, url: str) -> None:
    for command in (("request", "orders", "GET", url), ("headers", "orders", url), ("check", "orders", url)):
        ended = shop.desk.run(*command)
        assert ended.code in {2, 3}, command
        assert "URL" in said(ended)


def test_three_when_the_record_is_to_be_fixed(shop: Shop) -> None:
    shop.desk.unset("ORDERS_SECRET")
    ended = shop.desk.spawn("token", "orders")
    assert ended.code == 3
    assert "ORDERS_SECRET" in said(ended)
    assert "hint: " in ended.err


def test_three_when_the_provider_does_not_know_the_client(shop: Shop, canary: Canary) -> None:
    shop.desk.set("ORDERS_SECRET", canary("wrong_secret"))
    ended = shop.desk.run("token", "orders")
    assert ended.code == 3
    assert "invalid_client" in said(ended)


def test_four_when_a_person_must_log_in(shop: Shop) -> None:
    shop.document(shop.code_record())
    ended = shop.desk.spawn("token", "person")
    assert ended.code == 4
    assert "authrecord login person" in said(ended)


def test_four_when_a_login_does_not_end_well(shop: Shop) -> None:
    shop.document(shop.code_record())
    ended = shop.desk.run(
        "login", "person", "--no-browser", "--timeout", "30", typed="http://127.0.0.1:1/?code=x\n"
    )
    assert ended.code == 4
    assert "error: " in said(ended)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Reply(200, (("content-type", "text/html"),), b"<p>welcome"), 5),
        ({"error": "access_denied"}, 5),
        (Reply(503, (("retry-after", "7"),), b"later"), 6),
        (Reply(500), 6),
    ],
)
def test_five_and_six_as_the_provider_answers(desk: Desk, answer: Reply | dict[str, str], code: int) -> None:
    with HostileServer(token_answer=answer) as hostile:
        desk.write(
            f"records:\n- name: n\n  allowed_origins: ['{hostile.url}']\n  auth:\n    type: oauth2\n"
            "    grant: client_credentials\n    credentials: {client_id: c, client_secret: '${env:S}'}\n"
            f"    token_exchange: {{url: '{hostile.token_url}'}}\n"
        )
        desk.set("S", "of no worth here")
        ended = desk.run("token", "n")
        again = desk.run("token", "n", "--json")
    assert ended.code == code, said(ended)
    assert again.data["error"]["exit_code"] == again.code


def test_six_when_nobody_listens(desk: Desk, shop: Shop) -> None:
    shop.server.stop()
    assert desk.run("token", "orders").code == 6
    shop.document(
        f"  - {{name: static, allowed_origins: ['{shop.server.url}'],"
        " auth: {type: bearer, token: '${env:ORDERS_SECRET}'}}\n"
    )
    ended = desk.run("request", "static", "GET", shop.server.api_url)
    assert ended.code == 6
    assert "did not get an answer" in said(ended)


def test_seven_when_the_key_is_another_one(shop: Shop) -> None:
    assert shop.desk.spawn("login", "orders").code == 0
    shop.desk.key.write_text("A" * 43 + "=\n", encoding="ascii")
    ended = shop.desk.spawn("token", "orders")
    assert ended.code == 7
    assert "key" in said(ended)


def test_seven_when_others_may_read_the_cache(shop: Shop) -> None:
    assert shop.desk.run("login", "orders").code == 0
    shop.desk.cache.chmod(0o644)
    ended = shop.desk.spawn("token", "orders")
    assert ended.code == 7
    assert "store.sqlite" in said(ended)


def test_seven_when_a_file_cannot_be_written(shop: Shop) -> None:
    ended = shop.desk.run("request", "orders", "GET", shop.server.api_url, "-o", "no/such/folder/file")
    assert ended.code == 7
    assert "no/such/folder/file" in said(ended)


def test_hundred_and_thirty_when_it_is_interrupted(shop: Shop, canary: Canary) -> None:
    shop.document(shop.code_record())
    ended = on_terminal(
        shop.desk, canary, "login", "person", "--no-browser", answers=[("paste the address", "\x03")]
    )
    assert ended.code == 130
    assert "Interrupted." in ended.out


def test_hundred_and_thirty_by_a_signal_in_a_script(shop: Shop) -> None:
    shop.server.token_delay = 1
    process = shop.desk.start("token", "orders")
    while shop.server.counters.token_requests == 0:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert b"Ctrl-C again" in err, "a person who waits is told for what"


def test_the_message_about_renewals_looks_for_the_keepers_own_threads() -> None:
    assert RENEWAL_THREAD == crew.RENEWAL_THREAD


def test_every_error_of_ours_has_its_exit_code() -> None:
    """Those of the page and the API become answers of HTTP; no command meets them."""
    covered = tuple(kind for kind, _ in EXIT_CODES)
    met = [
        kind for kind in AuthrecordError.__subclasses__() if not kind.__module__.startswith("authrecord.web")
    ]
    missing = [kind for kind in met if not issubclass(kind, covered)]
    assert missing == []


@pytest.mark.parametrize("command", ["request orders GET {url}", "schema", "list --json", "token orders"])
def test_a_reader_that_went_away_is_no_fault(shop: Shop, command: str) -> None:
    """As in `authrecord request … | head -c1`. The token is live, so that `token` takes its fast path."""
    shop.canary.allow(shop.desk.run("token", "orders").out.strip(), sink="stdout")
    process = shop.desk.start(*command.format(url=shop.server.api_url).split())
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0
    assert err == b""


@pytest.mark.parametrize("command", ["list", "token orders", "request orders GET {url}", "login orders"])
def test_seven_when_there_is_no_home_for_our_files(shop: Shop, command: str) -> None:
    for name in ("HOME", "AUTHRECORD_HOME"):
        shop.desk.unset(name)
    ended = shop.desk.run(*command.format(url=shop.server.api_url).split())
    assert ended.code == 7
    assert "AUTHRECORD_HOME" in said(ended)
