"""The credentials that requests looks up by itself, asked for only where the record's own does not go.

For a request without `auth`, requests asks `~/.netrc` (two looks at the disk for each request), and then the URL for
a user and a password. Where the record's credential goes, what netrc says must not travel beside it (E10), so there
nobody asks. Everywhere else a session behaves as before.
"""

from __future__ import annotations

from collections.abc import Callable

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_auth_from_url, get_netrc_auth


class Lookups(AuthBase):
    """The `auth` of a session that has none of its own. `releases(url)`: the record's credential goes there."""

    def __init__(self, session: requests.Session, releases: Callable[[str], bool]) -> None:
        self._session = session
        self._releases = releases

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """`request` itself, with Basic authentication where requests would have found some."""
        url = str(request.url)
        named = "@" in url  # a user in the URL is the caller's own word, to the record's origins as well
        if not named and self._releases(url):
            return request
        found = self._from_netrc(url) or (get_auth_from_url(url) if named else None)
        return HTTPBasicAuth(*found)(request) if found and any(found) else request

    def _from_netrc(self, url: str) -> tuple[str, str] | None:
        return get_netrc_auth(url) if self._session.trust_env and not self._releases(url) else None


__all__ = ["Lookups"]
