"""What `gateway --engine envoy` and `envoy` share: settings, the password, and what changes meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import AuthrecordError, RecordFault, StoreFault
from .context import Options
from .gateway_options import RuleSource, checked_upstream
from .output import console

if TYPE_CHECKING:
    from ..core.secret import Secret
    from ..gateway.envoy.engine import Settings
    from ..gateway.listening import Listen
    from ..gateway.rules import Rules

USUAL_LISTEN = "127.0.0.1:8080"
LOOK_AGAIN_SECONDS = 1.0
"""How often the files of rules and records are looked at."""


def engine_settings(options: Options, given: dict[str, Any], password: Secret) -> Settings:
    """The engine's settings out of a command's options."""
    from ..gateway.envoy.engine import Settings

    upstream = given["upstream"]
    return Settings(
        binary=Path("envoy"),
        password=password,
        ca_file=options.settings().ca_file,
        listen=place_of({"listen": given["listen"] or USUAL_LISTEN}, "listen"),
        proxy=place_of(given, "proxy_listen"),
        reverse=checked_upstream(upstream) if upstream else None,
        names=tuple(given["hosts"]),
        replay=given.get("replay", True),
        speaks_h2=not given.get("no_http2", False),
    )


def place_of(given: dict[str, Any], name: str) -> Listen | None:
    """The address of an option. Raises `RecordFault` for a Unix socket."""
    from ..gateway.listening import parsed_listen

    if not given[name]:
        return None
    place = parsed_listen(given[name], field=name)
    if place.path:
        raise RecordFault("the Envoy engine listens on an address, not on a Unix socket.", field=name)
    return place


def shown_password(password: Secret, *, is_new: bool) -> str | None:
    """The password, where it was made just now: it is told once."""
    return password.reveal() if is_new else None


def say_password(password: str, *, by_digest: bool) -> None:
    """How callers prove themselves to Envoy, which reads `Basic` only where it is told a digest."""
    import base64

    from ..gateway.envoy.callers import USER

    out = console()
    if not by_digest:
        out.print(
            f"password {password}\n\nSend it as X-Authrecord-Token, or as the password of the user {USER} of a proxy."
        )
        return
    coded = base64.b64encode(f"{USER}:{password}".encode()).decode()
    out.print(
        f"password {password}\n\nSend it as the password of the user {USER} of a proxy, or in a header:"
    )
    out.print(f"X-Authrecord-Token: Basic {coded}")


async def until_told_to_end(
    source: RuleSource,
    change: Callable[[Rules, Any], Awaitable[None]],
    ends: Callable[[], Awaitable[int]] | None,
    told: asyncio.Event | None = None,
) -> None:
    """Until Ctrl-C, or until Envoy ends; meanwhile rules and records that change are taken up.

    `told` is set by Ctrl-C. Raises `StoreFault` when Envoy ended by itself.
    """
    told = told or asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    reload = source.reload()
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(told.wait())]
    if ends is not None:
        waiting.append(asyncio.ensure_future(ends()))
    try:
        while not any(one.done() for one in waiting):
            await asyncio.wait(waiting, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            await _take_up(reload, change)
    finally:
        for one in waiting:
            one.cancel()
    if not told.is_set():
        raise StoreFault("Envoy ended by itself.", code="envoy_failed")


async def _take_up(
    reload: Callable[[], tuple[Rules, Any] | None], change: Callable[[Rules, Any], Awaitable[None]]
) -> None:
    try:
        changed = reload()
        if changed is not None:
            await change(*changed)
    except AuthrecordError as error:
        console(stderr=True).print(f"The rules stay as they were: {error}", style="yellow")
