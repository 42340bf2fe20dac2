"""Redirects to a foreign host: which credentials travel. Ours, the plain libraries, and the peers.

Placements: `Authorization`, a custom header, the query (the API's redirect repeats it, as a proxy's
`$request_uri` does), a cookie, and the client secret in the body of a token request that is answered with 307.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from leak_stage import Cell, Stage, Unsupported

Send = Callable[[Stage, str], Any]
PLACEMENTS = ("Authorization", "custom header", "query", "cookie", "token request body")
CLIENTS = ("httpx2", "httpx2 async", "httpx", "httpx async", "requests", "aiohttp")


def path_of(placement: str) -> str:
    return "/repeat" if placement == "query" else "/redirect"


# ------------------------------------------------------------------ every client, driven alike


def drive(client: str, make: Callable[[Any], Any], url: str, **options: Any) -> str:
    """GET `url` with redirects. `make` gets the library's module and gives the client. Gives what can be printed."""
    if client == "aiohttp" or client.endswith("async"):
        return asyncio.run(_drive_async(client, make, url, options))
    import importlib

    with make(importlib.import_module(client)) as made:
        follow = "allow_redirects" if client == "requests" else "follow_redirects"
        return printable(made.get(url, **{follow: True}, **options), made)


async def _drive_async(client: str, make: Callable[[Any], Any], url: str, options: dict[str, Any]) -> str:
    import importlib

    name = client.partition(" ")[0]
    async with make(importlib.import_module(name)) as made:
        if name == "aiohttp":
            response = await made.get(url, **options)
            await response.read()
        else:
            response = await made.get(url, follow_redirects=True, **options)
        return printable(response, made)


def printable(response: Any, client: Any) -> str:
    """What a user who prints things would see."""
    texts = [repr(client), str(client)]
    for each in (*response.history, response):
        request = getattr(each, "request", None) or each.request_info
        for thing in (each, each.url, each.headers, request, request.url, request.headers):
            texts += [repr(thing), str(thing)]
    return "\n".join(texts)


def new(module: Any, client: str, **options: Any) -> Any:
    """A bare client of that library."""
    if client == "requests":
        session = module.Session()
        session.trust_env = False
        return session
    if client == "aiohttp":
        return module.ClientSession(**options)
    return (module.AsyncClient if client.endswith("async") else module.Client)(trust_env=False, **options)


# ------------------------------------------------------------------ ours


def ours_auth(placement: str, secret: str, token_url: str) -> Any:
    from authrecord import ApiKey, Bearer, Credentials, OAuth2, Secret, TokenExchange

    if placement == "Authorization":
        return Bearer(token=Secret(secret))
    if placement == "token request body":
        return OAuth2(
            grant="client_credentials",
            credentials=Credentials(client_id="c", client_secret=Secret(secret)),
            token_exchange=TokenExchange(url=token_url, client_authentication="body"),
        )
    send_in = {"custom header": "header"}.get(placement, placement)
    return ApiKey(
        key="X-API-Key" if send_in == "header" else "api_key", value=Secret(secret), send_in=send_in
    )


def ours_records(auth: Any, origin: str) -> Any:
    from authrecord import Record
    from authrecord.wiring import Records, Settings, make_keeper, memory_store

    record = Record(name="bench", allowed_origins=(origin,), auth=auth)
    keeper = make_keeper(Settings.read({}), base=Path(), store=memory_store())
    return Records({record.name: record}, keeper)


def ours(client: str, placement: str) -> Send:
    def send(stage: Stage, secret: str) -> str:
        records = ours_records(
            ours_auth(placement, secret, stage.api.origin + "/moved-token"), stage.api.origin
        )
        make = lambda module: records.attach(new(module, client), "bench")  # noqa: E731 - one line, used at once
        return drive(client, make, stage.api.origin + path_of(placement))

    return send


# ------------------------------------------------------------------ the plain libraries, as their own docs do it


def plain(client: str, placement: str) -> Send:
    def send(stage: Stage, secret: str) -> str:
        url = stage.api.origin + path_of(placement)
        if placement == "token request body":
            return _plain_post(client, stage.api.origin + "/moved-token", secret)
        headers = {
            "Authorization": {"Authorization": f"Bearer {secret}"},
            "custom header": {"X-API-Key": secret},
        }.get(placement, {})
        extra = {"query": {"params": {"api_key": secret}}, "cookie": {"cookies": {"api_key": secret}}}
        kept = {**({"headers": headers} if headers else {}), **extra.get(placement, {})}
        if client == "requests":
            return drive(client, lambda module: _session(module, kept), url)
        if client == "aiohttp" and "params" in kept:
            return drive(client, lambda module: new(module, client), url, **kept)
        return drive(client, lambda module: new(module, client, **kept), url)

    return send


def _session(module: Any, kept: dict[str, Any]) -> Any:
    session = new(module, "requests")
    for name, values in kept.items():
        getattr(session, name).update(values)
    return session


def _plain_post(client: str, url: str, secret: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": secret}

    async def post() -> None:
        import importlib

        async with new(importlib.import_module(client.partition(" ")[0]), client) as made:
            if client == "aiohttp":
                await made.post(url, data=form)
            else:
                await made.post(url, data=form, follow_redirects=True)

    if client == "aiohttp" or client.endswith("async"):
        asyncio.run(post())
        return ""
    import importlib

    with new(importlib.import_module(client), client) as made:
        made.post(url, data=form, **({"follow_redirects": True} if client != "requests" else {}))
    return ""


# ------------------------------------------------------------------ the peers


def peers() -> Iterator[tuple[str, dict[str, Send]]]:
    """Each peer with the placements that it has."""
    import leak_peers

    yield from leak_peers.REDIRECTS.items()


def cells(stage: Stage) -> Iterator[Cell]:
    for placement in PLACEMENTS:
        for client in CLIENTS:
            yield stage.redirect_cell("authrecord", client, placement, ours(client, placement))
            yield stage.redirect_cell("plain library", client, placement, plain(client, placement))
    for name, sends in peers():
        for placement in PLACEMENTS:
            if placement in sends:
                yield stage.redirect_cell("peer", name, placement, sends[placement])
            else:
                yield Cell("redirect", "peer", name, placement, None, "not offered")


def far_future() -> int:
    return int(time.time()) + 36_000


__all__ = [
    "CLIENTS",
    "PLACEMENTS",
    "Unsupported",
    "cells",
    "drive",
    "far_future",
    "new",
    "ours_auth",
    "ours_records",
]
