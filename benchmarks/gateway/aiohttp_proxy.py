"""A reverse proxy as one writes it with aiohttp: python aiohttp_proxy.py UPSTREAM PORT TOKEN."""

from __future__ import annotations

import sys

import aiohttp
import uvloop
from aiohttp import web
from yarl import URL

UPSTREAM, PORT, TOKEN = sys.argv[1], int(sys.argv[2]), sys.argv[3]
HOP = {"host", "connection", "transfer-encoding", "content-length", "authorization"}
SESSION = web.AppKey("session", aiohttp.ClientSession)


async def handle(request: web.Request) -> web.StreamResponse:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP]
    headers.append(("Authorization", TOKEN))
    body = await request.read() if request.can_read_body else None
    url = URL(UPSTREAM + request.raw_path, encoded=True)
    async with request.app[SESSION].request(
        request.method, url, headers=headers, data=body, allow_redirects=False
    ) as answer:
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP]
        return web.Response(status=answer.status, headers=kept, body=await answer.read())


async def session(app: web.Application) -> object:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as made:
        app[SESSION] = made
        yield


def main() -> None:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    app.cleanup_ctx.append(session)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None, loop=uvloop.new_event_loop())


main()
