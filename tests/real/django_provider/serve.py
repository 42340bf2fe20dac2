"""Starts the project: its tables, its user, its applications, then waitress on a port of the system's choice."""

from __future__ import annotations

import os
from typing import Any

from tests.real.told import read_settings, say_ready

THREADS = 12


def main() -> None:
    """Serve until standard input is closed."""
    settings = read_settings()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.real.django_provider.settings"
    os.environ["DJANGO_PROVIDER_FOLDER"] = settings["folder"]
    os.environ["DJANGO_PROVIDER_SECRET_KEY"] = settings["secret_key"]
    os.environ["DJANGO_PROVIDER_TOKEN_SECONDS"] = str(settings["token_seconds"])
    os.environ["DJANGO_PROVIDER_BRIEF_SECONDS"] = str(settings["brief_seconds"])
    _serve(settings)


def _serve(settings: dict[str, Any]) -> None:
    import django
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from waitress import create_server

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    _fill(settings)
    server = create_server(
        get_wsgi_application(), host="127.0.0.1", port=0, threads=THREADS, clear_untrusted_proxy_headers=True
    )
    say_ready(server.effective_port)
    server.run()


def _fill(settings: dict[str, Any]) -> None:
    """The user, and an application for each entry of `applications`."""
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application

    user = User.objects.create_user(settings["username"], password=settings["password"])
    for application in settings["applications"]:
        Application.objects.create(
            name=application["client_id"],
            client_id=application["client_id"],
            client_secret=application["client_secret"],
            client_type="confidential" if application["client_secret"] else "public",
            authorization_grant_type=application["grant"],
            redirect_uris=application["redirect_uris"],
            user=user,
        )


if __name__ == "__main__":
    main()
