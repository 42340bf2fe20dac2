"""The servers that `benchmarks/page.py` loads: the page and its API on a store, or a bare "hello" of the same server.

    python benchmarks/page_server.py hello
    python benchmarks/page_server.py page URL KEY

It prints the port that it listens on. Both run on the same uvicorn with the same settings, alone in a process.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from litestar import Litestar, get
from store_filling import backend_of

from authrecord.stores.keys import open_kek
from authrecord.stores.sql.tenants import DEFAULT
from authrecord.stores.sql.vault import Vault
from authrecord.web.address import address_of
from authrecord.web.application import make_application
from authrecord.web.assembling import Stores, Wishes, assemble
from authrecord.web.serving import listening_socket, make_server


@get("/hello", sync_to_thread=False)
def hello() -> dict[str, str]:
    """The least that Litestar can answer as JSON."""
    return {"hello": "world"}


def make_page(port: int, url: str, key: str) -> Any:
    """The product as `authrecord serve` makes it."""
    import os

    backend = backend_of(url, time)
    vault = Vault(open_kek(key, environment={}), os.urandom)
    vault.load(backend, DEFAULT)
    where = address_of("127.0.0.1", port, has_tls=False, behind_tls_proxy=False)
    site = assemble(where, Wishes(), backend=backend, vault=vault, open_store=Stores(backend, vault))
    return make_application(site)


def main() -> None:
    what, *rest = sys.argv[1:]
    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    application = (
        Litestar([hello], logging_config=None, openapi_config=None)
        if what == "hello"
        else make_page(port, *rest)
    )
    print(port, flush=True)
    make_server(application, tls=None, behind_proxy=False).run(sockets=[listening])


if __name__ == "__main__":
    main()
