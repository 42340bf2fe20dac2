"""What the tests ask a provider behind authrecord's back, to know what the provider knows."""

from __future__ import annotations

import httpx2

from tests.real.django_site import DjangoProvider
from tests.real.server_process import ServerProcess


def api_status(address: str, token: str) -> int:
    """What the API answers to an access token."""
    with httpx2.Client(trust_env=False, timeout=30) as client:
        return client.get(address, headers={"Authorization": f"Bearer {token}"}).status_code


def refresh(
    token_url: str, client: tuple[str, str], refresh_token: str, *, basic: bool = False
) -> tuple[int, str]:
    """Status and `error` of a refresh request that authrecord did not make. `client`: its id and its secret."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if not basic:
        form |= {"client_id": client[0]} | ({"client_secret": client[1]} if client[1] else {})
    with httpx2.Client(trust_env=False, timeout=30, auth=client if basic else None) as http:
        response = http.post(token_url, data=form)
    return response.status_code, response.json().get("error", "")


def refresh_tokens_issued(provider: DjangoProvider, client_id: str) -> int:
    """How many refresh tokens Django's tables hold for an application, used ones too."""
    with httpx2.Client(trust_env=False, timeout=30) as client:
        counted = client.get(f"{provider.server.origin}/issued/{client_id}").json()["refresh_tokens"]
    assert isinstance(counted, int)
    return counted


def check_alive(server: ServerProcess) -> None:
    """The server wrote no traceback of its own."""
    log = server.log_text()
    assert "Traceback" not in log, log[-3000:]
