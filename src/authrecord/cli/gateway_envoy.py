"""`authrecord gateway --engine envoy`: an Envoy as a child carries the requests."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .context import Options
from .envoy_options import engine_settings, place_of, say_password, shown_password, until_told_to_end
from .gateway_options import RuleSource, authority_of, opened_log, password_from
from .output import console, print_json
from .tls_options import pair_of

if TYPE_CHECKING:
    from ..core.secret import Secret
    from ..gateway.envoy.engine import Engine, Settings
    from ..gateway.listening import Listen
    from ..gateway.rules import Rules
    from .gateway_sharing import StoredTokens


async def serve_with_envoy(
    options: Options, source: RuleSource, given: dict[str, Any], tokens: StoredTokens | None
) -> None:
    """Until Envoy ends, or we are told to end.

    `tokens`: of the store, where other machines reach a listener.
    """
    from ..gateway.envoy.engine import Engine
    from ..gateway.publishing import publishing
    from ..stores.places import data_folder
    from .gateway_watch import watch

    rules, find = source.read()
    password, is_new = password_from(options, given["password_file"])
    upstream = _upstream(given, rules)
    settings = _settings(options, {**given, "upstream": upstream}, password, shared=tokens is not None)
    asking = [*settings.places.values(), *([settings.authorize] if settings.authorize else [])]
    is_new = is_new and any(place.is_local for place in asking)
    authority = authority_of(options, rules, lasting=True) if settings.proxy is not None else None
    async with Engine(rules, find, settings, authority=authority, tokens=tokens) as engine:
        _say(options, engine, upstream, shown_password(password, is_new=is_new))
        told, folder = asyncio.Event(), data_folder(options.settings().environment)
        showing = [publishing(engine.shown, folder), *([watch(engine.shown, told)] if given["watch"] else [])]
        tasks = [asyncio.create_task(one) for one in showing]
        try:
            await until_told_to_end(source, engine.change, engine.ended, told)
        finally:
            told.set()
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _upstream(given: dict[str, Any], rules: Rules) -> str:
    """Where a reverse gateway's requests go; empty for a forward proxy alone. Raises `RecordFault`."""
    from ..gateway.running import only_upstream

    if not _is_reverse(given) and not given["bare_listen"]:
        return ""
    return given["upstream"] or str(only_upstream(rules))


def _is_reverse(given: dict[str, Any]) -> bool:
    return bool(given["listen"] or not (given["proxy_listen"] or given["authorize_listen"]))


def _settings(options: Options, given: dict[str, Any], password: Secret, *, shared: bool) -> Settings:
    from ..gateway.envoy.binary import find_envoy

    settings = engine_settings(options, given, password)
    return replace(
        settings,
        binary=find_envoy(options.settings().environment),
        listen=settings.listen if _is_reverse(given) else None,
        bare=place_of(given, "bare_listen"),
        tls=_listener_tls(given),
        public_only=given["public_only"] or shared,
        networks=given["networks"],
        access_log=_writable(given["access_log"]),
        replay_bytes=given["replay_body"] * 1024,
        metrics=_own_place(given, "metrics_listen"),
        authorize=_own_place(given, "authorize_listen"),
    )


def _own_place(given: dict[str, Any], name: str) -> Listen | None:
    """Where this process listens itself: a Unix socket too."""
    from ..gateway.listening import parsed_listen

    return parsed_listen(given[name], field=name) if given[name] else None


def _listener_tls(given: dict[str, Any]) -> tuple[str, str] | None:
    """The paths of the certificate and key of listeners beyond this machine. `gateway` has looked at the files."""
    pair = pair_of(given["tls_certificate"], given["tls_key"])
    return None if pair is None else (str(Path(pair[0]).resolve()), str(Path(pair[1]).resolve()))


def _writable(file: Path | None) -> Path | None:
    """The file of the access log; Envoy would say nothing of one that cannot be written."""
    if file is None:
        return None
    opened_log(file).close()
    return file.resolve()


def _say(options: Options, engine: Engine, upstream: str, shown: str | None) -> None:
    places = {name: str(place) for name, place in engine.places.items()}
    if options.as_json:
        print_json({"listens": places, "upstream": upstream or None, "password": shown})
        return
    out = console()
    for name, place in places.items():
        out.print(f"{name:8} {place}", style="bold")
    if upstream:
        out.print(f"upstream {upstream}")
    if shown:
        say_password(shown, by_digest=False)
    out.print("Ctrl-C ends it.", style="dim")
