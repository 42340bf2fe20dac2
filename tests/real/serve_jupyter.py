"""Starts Jupyter Server with the token that it is told, on a port of the system's choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.real.told import read_settings, say_ready


def main() -> None:
    """Serve until standard input is closed."""
    settings = read_settings()
    _serve(settings["token"], Path(settings["folder"]))


def _serve(token: str, folder: Path) -> None:
    from traitlets.config import Config

    config = Config()
    config.IdentityProvider.token = token
    config.ServerApp.ip = "127.0.0.1"
    config.ServerApp.port = 0
    config.ServerApp.open_browser = False
    config.ServerApp.allow_root = True
    config.ServerApp.root_dir = str(folder)
    # No page, no terminal, no language server: the contents and the status are enough.
    config.ServerApp.jpserver_extensions = {}
    config.ServerApp.reraise_server_extension_failures = True
    _application(config, folder).start()


def _application(config: Any, folder: Path) -> Any:
    import os

    # What Jupyter keeps stays in the folder, and nothing of this user's own settings is read.
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        os.environ[name] = str(folder / name.lower())
    os.environ["JUPYTER_NO_CONFIG"] = "1"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "0"
    from jupyter_server.serverapp import ServerApp

    application = ServerApp(config=config)
    application.initialize(argv=[])
    say_ready_when_listening(application)
    return application


def say_ready_when_listening(application: Any) -> None:
    """Say the port once the loop of the server runs."""
    application.io_loop.add_callback(lambda: say_ready(application.port))


if __name__ == "__main__":
    main()
