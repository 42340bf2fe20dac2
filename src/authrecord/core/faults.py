"""Named points at which a test may make the process fail: killed, stopped, out of disk, without a database.

In a release nothing is installed and a point costs one comparison. Only a test's own program calls `install`;
there is no setting for it.
"""

from __future__ import annotations

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def fault(name: str) -> None:
    """The point `name` (such as `refresh.before_commit`) is passed. Does nothing unless a test installed a hook."""
    if _hook is not None:
        _hook(name)


def install(hook: Callable[[str], None] | None) -> None:
    """Call `hook` with the name of each point that is passed from now on; `None` takes it away."""
    global _hook  # noqa: PLW0603 - one switch for the process; a test's own program sets it once
    _hook = hook
