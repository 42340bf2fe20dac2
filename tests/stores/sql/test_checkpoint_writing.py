"""Checkpoints are written when one is due, to the end of a file that is nobody else's."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.audit import Entry, append
from authrecord.stores.sql.audit_verifying import verify
from authrecord.stores.sql.checkpoint_writing import ROWS, SECONDS, CheckpointWriter, sink_of
from authrecord.stores.sql.checkpoints import read_checkpoints
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from tests.stores.sql.tiny import TinyBackend


class Desk:
    """A store with a log, and what a writer of checkpoints wrote."""

    def __init__(self, backend: TinyBackend) -> None:
        self.backend = backend
        self.vault = Vault(LocalKek(SealingKey(os.urandom(32)), "env:KEY", os.urandom), os.urandom)
        initialise(backend, self.vault)
        self.written: list[str] = []
        self.writer = CheckpointWriter(backend, self.vault, "default", self.written.append)

    def tell(self, count: int = 1) -> None:
        with self.backend.writing() as transaction:
            for _ in range(count):
                append(transaction, self.vault, "default", "keep:host", Entry("token.renew", "ok"))

    def holds(self) -> bool:
        with self.backend.reading() as transaction:
            found = verify(transaction, self.vault, "default", list(read_checkpoints(self.written, "test")))
        return found.holds and found.checkpoints == len(self.written)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with closing(TinyBackend()) as backend:
        yield Desk(backend)


def test_an_empty_log_gets_no_checkpoint(desk: Desk) -> None:
    assert desk.writer.tick(0.0) is None
    assert desk.written == []


def test_the_first_row_gets_one_at_once_and_the_next_after_a_minute(desk: Desk) -> None:
    desk.tell()
    assert desk.writer.tick(5.0) is not None
    desk.tell()
    assert desk.writer.tick(5.0 + SECONDS - 1) is None
    assert desk.writer.tick(5.0 + SECONDS) is not None
    assert desk.writer.tick(5.0 + 10 * SECONDS) is None, "nothing is new"
    assert (len(desk.written), desk.holds()) == (2, True)


def test_many_rows_do_not_wait_for_the_minute(desk: Desk) -> None:
    desk.tell()
    desk.writer.tick(0.0)
    desk.tell(ROWS - 1)
    assert desk.writer.tick(1.0) is None
    desk.tell()
    assert desk.writer.tick(1.0) is not None


def test_a_sink_that_fails_is_tried_again(desk: Desk) -> None:
    lines: list[str] = []

    def refuse(line: str) -> None:
        lines.append(line)
        if len(lines) == 1:
            raise StoreFault("the disk is full.")

    writer = CheckpointWriter(desk.backend, desk.vault, "default", refuse)
    desk.tell()
    with pytest.raises(StoreFault):
        writer.tick(0.0)
    assert writer.tick(0.0) is not None
    assert len(lines) == 2


def test_a_file_is_added_to_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints"
    sink_of(str(path))("one")
    path.rename(tmp_path / "moved")
    sink_of(str(path))("two")
    sink_of(str(path))("three")
    assert path.read_text() == "two\nthree\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_K14_a_file_of_others_or_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints"
    path.write_text("")
    path.chmod(0o666)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    for one in (path, link):
        with pytest.raises(StoreFault) as refused:
            sink_of(str(one))("line")
        assert refused.value.code == "unsafe_file"
    assert not (tmp_path / "target").exists()


def test_standard_output_gets_a_line_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    sink_of("-")("one")
    assert capsys.readouterr().out == "one\n"
