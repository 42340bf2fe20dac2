"""How a secret comes in: by a prompt, standard input, a file or a reference, and never by an argument."""

from __future__ import annotations

import json

import pytest

from authrecord.core.secret import Secret
from authrecord.documents import read_file
from authrecord.record import OAuth2
from authrecord.schemes.bearer import Bearer
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Shop
from tests.cli.terminal import Unseen, on_terminal, words

CLIENT = (
    "add", "client", "--type", "oauth2", "--grant", "client_credentials", "--origin", "https://api.example.com",
    "--set", "credentials.client_id=c", "--set", "token_exchange.url=https://id.example.com/token",
)  # fmt: skip
ADD = ("add", "pasted", "--type", "bearer", "--origin", "https://api.example.com")


def kept(desk: Desk) -> str:
    """The secret of the only record, as the document has it."""
    (record,) = read_file(desk.folder / "authrecord.yaml")
    assert isinstance(record.auth, Bearer | OAuth2)
    token = record.auth.token if isinstance(record.auth, Bearer) else record.auth.credentials.client_secret
    return token.reveal() if isinstance(token, Secret) else str(token)


@pytest.fixture(autouse=True)
def document(desk: Desk) -> None:
    """These records go into a document, which may not be there yet."""
    desk.set("AUTHRECORD_FILE", str(desk.folder / "authrecord.yaml"))


@pytest.fixture
def secret(canary: Canary) -> str:
    """With every character that some encoding treats in a way of its own. The document is where it belongs."""
    made = canary("pasted_token", alphabet="hard")
    canary.allow(made, sink="file:authrecord.yaml")
    return made


def test_P10_a_secret_is_read_from_standard_input(desk: Desk, secret: str) -> None:
    ended = desk.run(*CLIENT, "--secret-stdin", "credentials.client_secret", typed=secret + "\n")
    assert ended.code == 0, ended.err
    assert kept(desk) == secret


def test_P10_a_secret_is_read_from_a_file(desk: Desk, secret: str, canary: Canary) -> None:
    canary.allow(secret, sink="file:token.txt")
    desk.write(secret + "\r\n", "token.txt")
    assert desk.run(*CLIENT, "--secret-file", "auth.credentials.client_secret=token.txt").code == 0
    assert kept(desk) == secret


def test_P10_a_secret_is_asked_for_and_not_echoed(desk: Desk, secret: str, canary: Canary) -> None:
    ended = on_terminal(
        desk,
        canary,
        *CLIENT,
        "--secret",
        "credentials.client_secret",
        answers=[("Client Secret", Unseen(secret))],
    )
    assert ended.code == 0
    assert kept(desk) == secret


@pytest.mark.parametrize(
    "reference", ["${env:NAME}", "${file:token.txt}", "${keyring:a/b}", "${command:pass show x}"]
)
def test_a_reference_may_be_an_argument(desk: Desk, reference: str) -> None:
    assert desk.run(*ADD, "--secret-ref", f"token={reference}").code == 0
    assert kept(desk) == reference


def test_a_reference_may_be_set_as_a_value(desk: Desk) -> None:
    assert desk.run(*ADD, "--set", "token=${env:NAME}").code == 0
    assert kept(desk) == "${env:NAME}"


@pytest.mark.parametrize("option", ["--set", "--secret-ref"])
def test_P10_a_secret_as_an_argument_is_refused_and_not_echoed(
    desk: Desk, canary: Canary, option: str
) -> None:
    ended = desk.run(*ADD, option, f"token={canary('mistake')}")
    assert ended.code == 2
    assert "--secret" in ended.err or "reference" in ended.err
    assert not (desk.folder / "authrecord.yaml").exists()


@pytest.mark.parametrize(
    "path", ["auth.credentials.client_secret", "credentials.client_secret", "auth.credentials.password"]
)
def test_P10_every_secret_field_is_refused_by_its_long_and_short_path(
    desk: Desk, canary: Canary, path: str
) -> None:
    ended = desk.run(
        "add", "n", "--type", "oauth2", "--grant", "password", "--set", f"{path}={canary('mistake')}"
    )
    assert ended.code == 2
    assert "arguments can be read by others" in ended.err


def test_P10_a_sensitive_parameter_as_an_argument_is_refused(desk: Desk, canary: Canary) -> None:
    listed = json.dumps([{"key": "k", "value": canary("mistake"), "sensitive": True}])
    ended = desk.run(
        "add",
        "n",
        "--type",
        "oauth2",
        "--grant",
        "client_credentials",
        "--set",
        f"token_exchange.parameters={listed}",
    )
    assert ended.code == 2
    assert "sensitive" in ended.err


def test_a_secret_file_that_is_not_there_is_named(desk: Desk) -> None:
    ended = desk.run(*ADD, "--secret-file", "token=gone.txt")
    assert ended.code == 7
    assert "gone.txt" in ended.err


def test_a_secret_file_that_is_no_text_is_no_fault_of_ours(desk: Desk, canary: Canary) -> None:
    canary.watch_bytes(b"\xff\xfe\x00binary-secret", "binary")
    canary.allow(b"\xff\xfe\x00binary-secret", sink="file:token.bin")
    (desk.folder / "token.bin").write_bytes(b"\xff\xfe\x00binary-secret")
    ended = desk.run(*ADD, "--secret-file", "token=token.bin")
    assert ended.code in {2, 3, 7}
    assert "token" in ended.err


def test_the_new_document_is_for_its_owner_alone(desk: Desk) -> None:
    assert desk.run(*ADD, "--secret-ref", "token=${env:NAME}").code == 0
    assert (desk.folder / "authrecord.yaml").stat().st_mode & 0o777 == 0o600


def test_a_second_record_joins_the_first_and_keeps_the_mode(desk: Desk) -> None:
    path = desk.write(
        "# ours\nrecords:\n  - name: one  # first\n    auth: {type: bearer, token: '${env:T}'}\n"
    )
    path.chmod(0o644)
    before = path.read_text(encoding="utf-8")
    assert desk.run(*ADD, "--secret-ref", "token=${env:NAME}").code == 0
    assert path.read_text(encoding="utf-8").startswith(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_name_that_is_taken_is_refused(desk: Desk) -> None:
    assert desk.run(*ADD, "--secret-ref", "token=${env:NAME}").code == 0
    before = (desk.folder / "authrecord.yaml").read_bytes()
    ended = desk.run(*ADD, "--secret-ref", "token=${env:OTHER}")
    assert ended.code == 3
    assert "authrecord edit pasted" in ended.err
    assert (desk.folder / "authrecord.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("prefx=Token", "Did you mean prefix?"),
        ("prefix", "PATH=VALUE"),
        ("nonsense.of.mine=1", "Known: "),
    ],
)
def test_a_setting_that_is_none_is_explained(desk: Desk, setting: str, said: str) -> None:
    ended = desk.run(*ADD, "--set", setting)
    assert ended.code == 2
    assert said in ended.err


def test_a_bad_value_is_refused_with_its_field_and_nothing_is_written(desk: Desk) -> None:
    ended = desk.run(
        "add", "n", "--type", "oauth2", "--grant", "client_credentials", "--origin", "ftp://x",
        "--set", "credentials.client_id=c", "--set", "token_exchange.url=not a url",
    )  # fmt: skip
    assert ended.code == 3
    assert "token_exchange.url" in ended.err
    assert "allowed_origins" in ended.err
    assert not (desk.folder / "authrecord.yaml").exists()


def test_an_issuer_fills_the_urls(shop: Shop) -> None:
    ended = shop.desk.run(
        "add", "found", "--type", "oauth2", "--grant", "authorization_code", "--issuer", shop.server.issuer,
        "--origin", shop.server.url, "--set", "credentials.client_id=scanner",
        "--secret-ref", "credentials.client_secret=${env:ORDERS_SECRET}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    auth = shop.desk.run("show", "found", "--json").data["records"][0]["auth"]
    assert auth["token_exchange"]["url"] == shop.server.token_url
    assert auth["authorization"]["url"] == shop.server.authorization_url


def test_a_record_is_written_by_answers_to_questions(desk: Desk, canary: Canary) -> None:
    """On a terminal, with what was wrong asked again and nothing else."""
    token = canary("pasted_token")
    canary.allow(token, sink="file:authrecord.yaml")
    answers = [
        ("Number", "1"),
        ("Description", "Mine"),
        ("Tags", "a, b"),
        ("Allowed hosts", "nonsense://"),
        ("Token Prefix", "Token"),
        ("Token (or a reference", Unseen(token)),
        ("Allowed hosts", "https://api.example.com"),
    ]
    ended = on_terminal(desk, canary, "add", "pasted", answers=answers)
    assert ended.code == 0, words(ended.out)
    assert kept(desk) == token
    record = desk.run("show", "pasted", "--json").data["records"][0]
    assert (record["tags"], record["allowed_origins"]) == (["a", "b"], ["https://api.example.com"])


def test_questions_may_be_left_by_ctrl_c(desk: Desk, canary: Canary) -> None:
    ended = on_terminal(desk, canary, "add", "pasted", answers=[("Number", "1"), ("Description", "\x03")])
    assert ended.code == 130
    assert not (desk.folder / "authrecord.yaml").exists()


def test_standard_input_that_is_no_text_is_no_fault_of_ours(desk: Desk) -> None:
    ended = desk.run(*ADD, "--secret-stdin", "token", typed=b"\xff\xfe")
    assert ended.code == 3
    assert "standard input is not UTF-8 text" in ended.err


@pytest.mark.parametrize(
    "command", [ADD, ("edit", "x", "--set", "prefix=T"), ("remove", "x", "--yes"), ("list",)]
)
def test_a_document_that_is_no_text_is_refused_with_its_line(desk: Desk, command: tuple[str, ...]) -> None:
    (desk.folder / "authrecord.yaml").write_bytes(b"records:\n- name: \xff\n")
    more = ("--secret-ref", "token=${env:T}") if command is ADD else ()
    ended = desk.run(*command, *more)
    assert ended.code == 3
    assert "line 2: is not UTF-8" in ended.err


def test_an_oauth_record_is_written_by_answers_to_questions(shop: Shop, canary: Canary) -> None:
    """With a sensitive parameter; the record that comes of it really gets a token."""
    tenant = canary("tenant")
    for secret in (tenant, shop.client.secret):
        canary.allow(secret, sink="file:authrecord.yaml")
    answers = [
        ("Number", "3"), ("Number", "4"), ("Description", ""), ("Tags", ""),
        ("Allowed hosts", shop.server.url), ("Client ID", shop.client.client_id), ("Is Sensitive", "n"),
        ("Client Secret", Unseen(shop.client.secret)), ("Access Token URL", shop.server.token_url),
        ("Scope", "orders.read"), ("message pattern", ""), ("Client Authentication", ""),
        ("key (empty to go on)", "tenant"), ("Sensitive", "y"), ("Value", Unseen(tenant)), ("Send In", ""),
        ("key (empty to go on)", ""), ("Add Token To", ""), ("Header Prefix", ""),
    ]  # fmt: skip
    ended = on_terminal(shop.desk, canary, "add", "asked", answers=answers)
    assert ended.code == 0, words(ended.out)
    assert shop.desk.run("request", "asked", "GET", shop.server.api_url, "--fail").code == 0
    assert tenant in f"{shop.server.last_token_request.target} {shop.server.last_token_request.form}"
    assert dict(shop.server.last_token_request.form)["scope"] == "orders.read"
