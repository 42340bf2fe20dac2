"""The fastest that was found so far of pure Python: a raw ASGI application with aiohttp as its client.

Serve it with granian or uvicorn; `UPSTREAM` and `TOKEN` come from the environment.
"""

from __future__ import annotations

import os
from typing import Any

import aiohttp
from yarl import URL

UPSTREAM, TOKEN = os.environ["UPSTREAM"], os.environ["TOKEN"].encode()
HOP = {b"host", b"connection", b"transfer-encoding", b"content-length", b"authorization"}
_sessions: list[aiohttp.ClientSession] = []


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if not _sessions:
        connector = aiohttp.TCPConnector(limit=0)
        _sessions.append(aiohttp.ClientSession(connector=connector, auto_decompress=False))
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = [
        (name.decode(), value.decode("latin-1")) for name, value in scope["headers"] if name not in HOP
    ]
    headers.append(("Authorization", TOKEN.decode()))
    path = (scope.get("raw_path") or scope["path"].encode()).decode()
    query = scope["query_string"].decode()
    url = URL(UPSTREAM + path + ("?" + query if query else ""), encoded=True)
    async with _sessions[0].request(
        scope["method"], url, headers=headers, data=body or None, allow_redirects=False
    ) as answer:
        data = await answer.read()
        kept = [(name, value) for name, value in answer.raw_headers if name.lower() not in HOP]
    kept.append((b"content-length", str(len(data)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": kept})
    await send({"type": "http.response.body", "body": data})
