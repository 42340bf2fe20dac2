"""Lines that wait on disk: there when `append` returns, whole where a process was cut short, of one process each."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from authrecord.core import faults
from authrecord.core.errors import StoreFault
from authrecord.stores.spool_file import SpoolFile, left_behind, new_file, waiting


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "data" / "spool")


@pytest.fixture
def file(folder: str) -> Iterator[SpoolFile]:
    made = new_file(folder)
    yield made
    made.close()


def fail_at(point: str) -> None:
    """The disk is full from that point on."""

    def hook(name: str) -> None:
        if name == point:
            raise OSError(errno.ENOSPC, "No space left on device")

    faults.install(hook)


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    yield
    faults.install(None)


def test_K14_the_file_and_its_folder_are_of_one_user_alone(file: SpoolFile, folder: str) -> None:
    file.append(b"one\n")
    assert os.stat(file.path).st_mode & 0o777 == 0o600
    assert os.stat(folder).st_mode & 0o777 == 0o700


def test_what_was_appended_is_there_until_it_is_cut(file: SpoolFile, folder: str) -> None:
    file.append(b"one\n")
    file.append(b"two\nthree\n")
    assert file.lines() == b"one\ntwo\nthree\n"
    assert waiting(folder) == 3
    file.cut()
    assert file.lines() == b""
    file.append(b"four\n")
    assert file.lines() == b"four\n"


@pytest.mark.parametrize("point", ["spool.append.before_write", "spool.append.before_sync"])
def test_K5_what_could_not_be_finished_does_not_count_and_does_not_stay(file: SpoolFile, point: str) -> None:
    file.append(b"one\n")
    fail_at(point)
    with pytest.raises(OSError, match="No space"):
        file.append(b"a line that is longer than the next one\n")
    faults.install(None)
    assert file.lines() == b"one\n"
    file.append(b"two\n")
    assert Path(file.path).read_bytes() == b"one\ntwo\n"


def test_a_line_without_an_end_was_never_finished(file: SpoolFile) -> None:
    file.append(b"one\n")
    with open(file.path, "ab") as torn:
        torn.write(b"tw")
    file.length += 2
    assert file.lines() == b"one\n"


def test_a_file_is_taken_over_when_its_process_is_no_more(file: SpoolFile, folder: str) -> None:
    file.append(b"one\n")
    assert left_behind(folder) == [], "its process lives"
    code = (
        f"import os, signal; from authrecord.stores.spool_file import new_file; file = new_file({folder!r});"
        " file.append(b'two\\n'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    (taken,) = left_behind(folder)
    assert taken.lines() == b"two\n"
    assert left_behind(folder) == [], "one takes it"
    taken.cut()
    taken.close()
    taken.close()
    assert sorted(os.listdir(folder)) == sorted([os.path.basename(file.path), "lock"])


def test_a_file_with_something_in_it_stays_when_it_is_closed(folder: str) -> None:
    made = new_file(folder)
    made.append(b"one\n")
    made.close()
    assert os.path.exists(made.path)
    empty = new_file(folder)
    empty.close()
    assert not os.path.exists(empty.path)


def test_K14_a_file_that_others_may_read_is_left_alone_and_told(
    folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = new_file(folder)
    made.append(b"one\n")
    made.close()
    os.chmod(made.path, 0o644)
    assert left_behind(folder) == []
    assert "can be reached by other users" in caplog.text
    with pytest.raises(StoreFault) as caught:
        waiting(folder)
    assert caught.value.code == "unsafe_file"


def test_where_there_is_no_folder_nothing_waits(tmp_path: Path) -> None:
    assert left_behind("") == []
    assert left_behind(str(tmp_path / "none")) == []
    assert waiting(str(tmp_path / "none")) == 0
