"""Files and folders that belong to one user: what is unsafe about them, and how they are made (attack row K14).

A file is created with mode 0600 before a byte is written, never through a symbolic link, in a folder of mode 0700.
An unsafe file is refused, not mended: somebody else may have read or placed it.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from typing import Final

    from ..core.errors import StoreFault

_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_IS_POSIX: Final = os.name == "posix"


def unsafe(path: str) -> str:
    """Why the file must not be used, as half a sentence; empty when it is safe. Raises `OSError` if it is absent."""
    return _unsafe_file(os.lstat(path)) or unsafe_folder(os.path.dirname(path) or ".")


def unsafe_folder(folder: str) -> str:
    """Why files must not be kept in `folder`; empty when it is safe. Raises `OSError` if it is absent."""
    state = os.stat(folder)
    if not stat.S_ISDIR(state.st_mode):
        return "is not in a folder"
    if not _IS_POSIX:
        return ""
    if state.st_uid not in (os.geteuid(), 0):
        return "is in a folder that belongs to another user"
    if state.st_mode & 0o022 and not state.st_mode & stat.S_ISVTX:
        return "is in a folder that other users can write to"
    return ""


def _unsafe_file(state: os.stat_result) -> str:
    if stat.S_ISLNK(state.st_mode):
        return "is a symbolic link"
    if not stat.S_ISREG(state.st_mode):
        return "is not a regular file"
    if not _IS_POSIX:
        return ""
    if state.st_uid != os.geteuid():
        return "belongs to another user"
    if state.st_nlink > 1:
        return "has a second name (hard link)"
    if state.st_mode & 0o077:
        return f"can be reached by other users (mode {stat.S_IMODE(state.st_mode):04o})"
    return ""


def refuse_unsafe(path: str) -> None:
    """Raises `StoreFault` (code `unsafe_file`) when the file exists and is unsafe, or its folder is."""
    try:
        reason = unsafe(path) if os.path.lexists(path) else unsafe_folder(os.path.dirname(path) or ".")
    except FileNotFoundError:
        reason = ""  # not even the folder is there: nothing is unsafe yet
    except OSError as error:
        raise unusable(path, error) from None
    if reason:
        from ..core.errors import StoreFault

        raise StoreFault(
            f"{path} {reason}.",
            hint="Look who put it there; make it yours alone (chmod 600, folder chmod 700) or delete it.",
            code="unsafe_file",
        )


def make_folder(folder: str) -> None:
    """`folder` with mode 0700; what is above it as well, where it is missing. Raises `StoreFault`."""
    try:
        if not os.path.isdir(folder):
            parent = os.path.dirname(folder)
            if parent and parent != folder:
                make_folder(parent)
            os.mkdir(folder, 0o700)
    except FileExistsError:
        return  # another process made it at the same moment
    except OSError as error:
        raise unusable(folder, error) from None


def create(path: str) -> bool:
    """An empty file of mode 0600 under a name that was free; `False` when it was not. Raises `StoreFault`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise unusable(path, error) from None
    os.close(descriptor)
    return True


def open_descriptor(path: str, *, create: bool = False) -> int:
    """A file descriptor for reading and writing that did not come through a symbolic link. Raises `OSError`."""
    return os.open(path, os.O_RDWR | _NO_FOLLOW | (os.O_CREAT if create else 0), 0o600)


def read(path: str, most: int) -> bytes:
    """Up to `most` bytes of a private file, judged by the descriptor that is read. Raises `OSError`, `StoreFault`."""
    refuse_unsafe(path)
    descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    try:
        reason = _unsafe_file(os.fstat(descriptor))
        if reason:
            raise PermissionError(f"{path} {reason}")
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)


def write_new(path: str, data: bytes) -> None:
    """A private file that appears with all of `data` in it, on disk when this returns. Raises `OSError`.

    The caller holds a lock: an existing file would be replaced.
    """
    unfinished = f"{path}.{os.getpid()}.new"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
    try:
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(unfinished, path)
    except OSError:
        os.unlink(unfinished)
        raise
    _flush_folder(os.path.dirname(path) or ".")


def finish(unfinished: str, path: str) -> None:
    """Give a file that was written under another name its own, on disk when this returns. Raises `OSError`."""
    descriptor = os.open(unfinished, os.O_RDWR | _NO_FOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(unfinished, path)
    _flush_folder(os.path.dirname(path) or ".")


def _flush_folder(folder: str) -> None:
    """Make the new name survive a power loss; only POSIX can."""
    if not _IS_POSIX:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable(path: str, error: OSError) -> StoreFault:
    """The fault of a file that the system does not let us use."""
    from ..core.errors import StoreFault

    return StoreFault(
        f"{path} cannot be used: {error.strerror or type(error).__name__}.",
        hint="Check the folder's owner and mode, and the space on the disk.",
        code="unusable_file",
    )
