"""`authrecord keep`."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from ..keeping import WORKERS, Keeping
from .context import Options, example, with_options
from .output import console, print_json

if TYPE_CHECKING:
    from ..keeper.observing import Observer
    from ..metrics.counting import Metrics
    from ..stores.sql.store import SqlStore


@click.command(
    "keep",
    epilog=example(
        "authrecord keep", "authrecord keep --metrics 127.0.0.1:9464 --checkpoint /mnt/elsewhere/checkpoints"
    ),
)
@click.option("--once", is_flag=True, help="Renew what is due now, and end.")
@click.option(
    "--workers", type=click.IntRange(1, 256), default=WORKERS, show_default=True, help="Renewals at a time."
)
@click.option(
    "--metrics", "address", default="", metavar="HOST:PORT", help="Serve metrics and readiness there."
)
@click.option(
    "--checkpoint",
    default="",
    metavar="FILE|-",
    help="Write checkpoints of the audit log there while it runs.",
)
@with_options
def command(options: Options, once: bool, workers: int, address: str, checkpoint: str) -> None:
    """Renew the tokens of the store's records ahead of need, until it is told to end.

    Any number of them may run, on one machine or many: they share the work. SIGTERM and Ctrl-C let what was begun
    come to its end, which takes 30 seconds at most. Records of documents are renewed when they are used, not here.
    """
    from ..stores.sql.opening import local_actor
    from ..wiring import base_folder, make_keeper, open_store

    settings, source = options.settings(), options.source()
    with closing(open_store(settings, source.store, actor=local_actor("keep"))) as store:
        metrics = _metrics(store, address)
        observer: Observer | None = metrics
        keeper = make_keeper(settings, base=base_folder(settings), store=store, observer=observer)
        keeping = Keeping(store, keeper, workers=workers)
        with (
            _told_to_end(keeping),
            _served(store, metrics, address),
            _checkpoints(store, checkpoint, keeping),
        ):
            keeping.run(once=once)
        keeper.close()
    if options.as_json:
        print_json({"renewed": keeping.renewed, "failed": keeping.failed})
    else:
        console(stderr=True).print(f"{keeping.renewed} renewed, {keeping.failed} failed.")


def _metrics(store: SqlStore, address: str) -> Metrics | None:
    if not address:
        return None
    from .watching import metrics_of

    return metrics_of(store, time.monotonic)


@contextmanager
def _told_to_end(keeping: Keeping) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the loop; what is under way is finished."""

    def end(number: int, frame: FrameType | None) -> None:
        keeping.stop.set()

    before: dict[int, Any] = {one: signal.signal(one, end) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _served(store: SqlStore, metrics: Metrics | None, address: str) -> Iterator[None]:
    if metrics is None:
        yield
        return
    from .watching import serve_metrics

    server = serve_metrics(address, metrics, store)
    try:
        yield
    finally:
        server.close()


@contextmanager
def _checkpoints(store: SqlStore, path: str, keeping: Keeping) -> Iterator[None]:
    """Checkpoints in a thread of their own; one that cannot be written is tried again."""
    if not path:
        yield
        return
    import threading

    from ..core.errors import AuthrecordError
    from ..stores.sql.checkpoint_writing import STANDARD_OUTPUT, CheckpointWriter, sink_of

    sink = sink_of(path if path == STANDARD_OUTPUT else str(Path(path).absolute()))
    writer = CheckpointWriter(store.backend, store.vault, store.tenant, sink)

    def tick(monotonic: float) -> None:
        try:
            writer.tick(monotonic)
        except AuthrecordError as error:
            console(stderr=True).print(f"no checkpoint: {error}", style="yellow")

    def write() -> None:
        while not keeping.stop.wait(1.0):
            tick(time.monotonic())
        tick(float("inf"))  # whatever is new goes out at the end

    thread = threading.Thread(target=write, name="authrecord-checkpoints")
    thread.start()
    try:
        yield
    finally:
        keeping.stop.set()
        thread.join()
