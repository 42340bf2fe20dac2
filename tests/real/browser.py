"""One headless Chromium for all tests, driven from a thread of its own: Playwright belongs to one thread."""

from __future__ import annotations

import os
import queue
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

Result = TypeVar("Result")
Job = Callable[["Browser"], None]

FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name leads anywhere: what a page asks of another host stays on this machine. Two are an attacker's.
    "--host-resolver-rules=MAP *.attacker.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
START_SECONDS: Final = 60.0
STEP_MILLISECONDS: Final = 20_000


class HeadlessChromium:
    """A running Chromium. `run(job)` calls `job(browser)` in the browser's thread and gives its result."""

    def __init__(self, executable: Path) -> None:
        self._executable = executable
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, name="chromium", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(START_SECONDS)
        return self

    def __exit__(self, *exception: object) -> None:
        self._jobs.put(None)
        self._thread.join(START_SECONDS)

    def submit(self, job: Callable[[Browser], Result]) -> Future[Result]:
        """`job(browser)` when it is its turn; the future has its result or its exception."""
        future: Future[Result] = Future()

        def work(browser: Browser) -> None:
            try:
                future.set_result(job(browser))
            except BaseException as error:
                future.set_exception(error)

        self._jobs.put(work)
        return future

    def _work(self) -> None:
        from playwright.sync_api import sync_playwright

        try:
            with (
                # The profile is a new one in any case; this keeps crash reports and caches out of the home folder.
                tempfile.TemporaryDirectory(prefix="authrecord-chromium-") as home,
                sync_playwright() as playwright,
                playwright.chromium.launch(
                    executable_path=self._executable,
                    args=list(FLAGS),
                    env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home},
                    headless=True,
                    timeout=START_SECONDS * 1000,
                ) as browser,
            ):
                self._started.set_result(None)
                while (job := self._jobs.get()) is not None:
                    job(browser)
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)


def new_page(browser: Browser) -> tuple[BrowserContext, Page]:
    """A page with no cookies and no past."""
    context = browser.new_context()
    context.set_default_timeout(STEP_MILLISECONDS)
    return context, context.new_page()
