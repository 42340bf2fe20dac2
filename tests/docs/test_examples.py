"""The examples of the README and of the pages run: against the honest server, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from authrecord.core.errors import DocumentFault
from authrecord.documents import Format, read
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.docs.markdown import ROOT, Block, blocks
from tests.docs.running import STORE, Desk, make_desk, with_server
from tests.web.stage import stage

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
BLOCKS = [block for page in PAGES for block in blocks(page)]
README_PYTHON = [block for block in BLOCKS if block.info == "python" and block.page == "README.md"]
OVER_A_URL = [block for block in BLOCKS if STORE in block.text and block.info in {"python", "sh"}]
OTHER_PYTHON = [
    block
    for block in BLOCKS
    if block.info == "python" and block.page != "README.md" and block not in OVER_A_URL
]
DOCUMENTS = [block for block in BLOCKS if block.info in {"yaml", "json", "toml"}]
FAULTY = [
    (block, answer)
    for block, answer in pairwise(BLOCKS)
    if block.info == "yaml faulty" and answer.info == "text"
]
SHELL = [block for block in BLOCKS if block.info == "sh" and block.page == "README.md"]
PORT = "127.0.0.1:8400"


@pytest.fixture
def desk(tmp_path: Path, canary: Canary) -> Iterator[Desk]:
    with HonestServer(make_secret=canary.make) as server:
        yield make_desk(tmp_path, server, canary)


def test_the_readme_has_an_example_for_each_http_client_and_for_the_shell() -> None:
    code = "\n".join(block.text for block in README_PYTHON)
    for client in (
        "httpx2.Client(",
        "httpx2.AsyncClient(",
        "httpx.Client(",
        "requests.Session(",
        "aiohttp.ClientSession(",
    ):
        assert f"authrecord.attach({client}" in code
    assert any("$(authrecord token orders)" in block.text for block in SHELL)


@pytest.mark.parametrize("block", README_PYTHON, ids=str)
def test_a_python_example_of_the_readme_authenticates_requests(desk: Desk, block: Block) -> None:
    ended = desk.python(block)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "ok" in ended.stdout or "200" in ended.stdout
    counters = desk.server.counters
    assert counters.api_ok >= 1
    assert (counters.expired_answers, counters.token_requests) == (0, 1)


@pytest.mark.parametrize("block", OTHER_PYTHON, ids=str)
def test_a_python_example_of_a_page_runs_to_its_end(desk: Desk, block: Block) -> None:
    ended = desk.python(block)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("block", OVER_A_URL, ids=str)
def test_an_example_with_a_servers_url_runs_to_its_end(desk: Desk, canary: Canary, block: Block) -> None:
    with stage(canary) as web:
        reader = with_server(desk, web, canary)
        ended = reader.python(block) if block.info == "python" else reader.shell(block.text)
    assert ended.returncode == 0, ended.stderr
    assert "ok" in ended.stdout
    counters = desk.server.counters
    assert counters.api_ok == (1 if block.info == "python" else 3)
    assert (counters.expired_answers, counters.token_requests) == (0, 1)


def test_pages_show_a_servers_url_in_python_and_in_the_shell() -> None:
    assert {block.info for block in OVER_A_URL} == {"python", "sh"}


@pytest.mark.parametrize("block", DOCUMENTS, ids=str)
def test_a_document_of_an_example_is_accepted(block: Block) -> None:
    assert read(block.text, format=Format(block.info), source=str(block))


@pytest.mark.parametrize(("block", "answer"), FAULTY, ids=str)
def test_a_faulty_document_is_answered_as_the_page_shows(block: Block, answer: Block) -> None:
    with pytest.raises(DocumentFault) as refused:
        read(block.text, format=Format.YAML, source="authrecord.yaml")
    assert str(refused.value).split() == answer.text.split(), (
        "the page breaks lines; the words must be the same"
    )


def test_a_page_shows_how_a_faulty_document_is_answered() -> None:
    assert FAULTY


def test_the_shell_example_of_the_readme_gets_answers(desk: Desk) -> None:
    [example] = [block for block in SHELL if PORT not in block.text]
    ended = desk.shell(example.text)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count('{"ok": true}') == 2
    assert desk.server.counters.token_requests == 2, (
        "three processes share one token; `check` tries the grant itself"
    )


def test_the_first_record_in_a_minute_works_as_it_is_told(desk: Desk) -> None:
    """The development server is started as the README says, but for the port, which is a free one here."""
    [start] = [block.text for block in BLOCKS if block.info == "console" and "--port 8400" in block.text]
    arguments = start.replace("8400", "0").split()[1:]
    [example] = [block.text for block in SHELL if PORT in block.text]
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("authrecord")), *arguments],
        cwd=desk.folder,
        env=desk.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().rstrip(".\n").rpartition(" ")[2]
        ended = desk.shell(example.replace(f"http://{PORT}", url))
    finally:
        server.terminate()
        server.communicate()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "client-credentials" in ended.stdout
    assert ended.stdout.count('{"ok": true}') == 2
    assert "✓ API" in ended.stdout
