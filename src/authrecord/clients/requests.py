"""requests: an adapter that authenticates, in front of the one that sends.

```
session = attach(requests.Session(), authenticator)
session.mount("https://", Adapter(authenticator))               # the same by hand, for one prefix
```

The adapter is asked once per hop. It copies the prepared request, puts the credential on the copy and sends that;
afterwards the response, its `request` and its `url` are those of the user's own request (E12). A credential that
`~/.netrc` holds for the host does not travel beside the record's (E10).

`auth=` is not offered: what it puts on a request stays on it, and requests copies custom headers to wherever a
redirect leads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict

from ..core.replay import Outcome
from ..keeper.attempt import Attempt
from ..keeper.authenticator import MOST_DESTINATIONS, Authenticator
from ..keeper.live import FOREVER, Live
from .bodies import nothing_to_do, rewind_of
from .outcome import authenticated
from .requests_lookups import Lookups
from .requests_messages import (
    KIND,
    answer_of,
    drain,
    drop_netrc,
    entries_of,
    given_back,
    host_and_port,
    peek,
    put_beside,
    stamped,
)
from .scrubbing import scrub
from .story import PeekBody, Renew, Story, story
from .streaming import STREAMS

_HTTP: Final = frozenset({"http", "https"})
_new: Final = object.__new__


class Adapter(BaseAdapter):
    """Authenticates each hop to the record's own origins. `inner` sends it, an `HTTPAdapter` if none is given."""

    def __init__(self, authenticator: Authenticator, inner: BaseAdapter | None = None) -> None:
        super().__init__()
        self._authenticator = authenticator
        self._source = authenticator.source
        self._time = authenticator.time
        self._monotonic = authenticator.monotonic
        self._authenticated = authenticated(authenticator.name)
        self._not_released = authenticator.not_released()
        self._last_released = "/"  # no absolute URL begins so
        self._inner = HTTPAdapter() if inner is None else inner
        self._judges_all = authenticator.has_pattern
        self._released: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"Adapter({self._authenticator.name!r})"

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Authenticate and send one hop. Raises what `Authenticator.credential` raises: then nothing was sent."""
        url: Any = request.url
        # Most sessions talk to one origin: the beginning of the last URL that was released is tried first.
        if not url.startswith(self._last_released) and not self._releases(url):
            response = self._inner.send(
                request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
            )
            return self._kept(response, getattr(response, "authrecord", self._not_released))
        rewind = nothing_to_do if request.body is None else rewind_of(request.body)
        live: Any = self._source.live  # what `Authenticator.ready` says, without the call
        if live is None or (
            (until := live.deadlines) is not FOREVER
            and (self._time() >= until.renew_wall or self._monotonic() >= until.renew_monotonic)
        ):
            live = self._authenticator.credential()
        # The hot path is written out: what `stamped`, `_send` and `_kept` do, without the calls.
        if type(request) is PreparedRequest:
            original: Any = request
            entries, has_authorization, wire = live.made.get(KIND) or live.prepared(KIND, entries_of)
            headers: Any = _new(CaseInsensitiveDict)
            store = headers._store = original.headers._store.copy()
            if not has_authorization and "authorization" in store:
                drop_netrc(headers, url)
            entry: Any
            for key, entry in entries:
                store[key] = entry
            copy: Any = _new(PreparedRequest)
            copy.method = original.method
            copy.url = url
            copy.headers = headers
            copy._cookies = original._cookies
            copy.body = original.body
            copy.hooks = original.hooks
            copy._body_position = original._body_position
            if wire is not None:
                put_beside(copy, wire)
            entries = headers = store = entry = None  # this frame is in the traceback of a failure (P5)
        else:
            copy, wire = stamped(request, live)
        try:
            response = self._inner.send(
                copy, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
            )
        except Exception as error:
            self._failed(error, request)
            raise
        response.request = request
        if wire is not None:
            response = given_back(response, request, wire)
        if response.status_code < 400 and not self._judges_all:
            response.authrecord = self._authenticated  # type: ignore[attr-defined]  # read by `outcome`
            response.connection = self  # type: ignore[assignment]  # the stubs know no adapter but requests' own
            return response
        options = {"stream": stream, "timeout": timeout, "verify": verify, "cert": cert, "proxies": proxies}
        return self._judged(request, live, response, rewind, options)

    def _judged(
        self,
        request: requests.PreparedRequest,
        live: Live,
        response: requests.Response,
        rewind: Callable[[], None] | None,
        options: dict[str, Any],
    ) -> requests.Response:
        method = str(request.method)
        attempt = self._authenticator.attempt(method, rewind is not None)
        streamed = options["stream"] or STREAMS.get()
        steps = story(
            self._authenticator, attempt, live, answer_of(response), method=method, streamed=streamed
        )
        return self._told(steps, attempt, response, rewind, lambda fresh: self._send(request, fresh, options))

    def releases(self, url: str) -> bool:
        """True when the credential may go to `url`, as requests writes it."""
        return url.startswith(self._last_released) or self._releases(url)

    def _releases(self, url: str) -> bool:
        """True when the credential may go to `url`; remembered by what stands before the path."""
        before_path = url[: url.find("/", 8)]
        released = self._released.get(before_path)
        if released is None:
            return self._look_up(url)
        if released:
            self._last_released = before_path + "/"
        return released

    def _look_up(self, url: str) -> bool:
        """Ask the authenticator, and remember the answer for what stands before the path."""
        before_path = url[: url.find("/", 8)]
        parts = urlsplit(url)
        host, port = host_and_port(parts.netloc)
        released = self._authenticator.releases(parts.scheme, host, port)
        if before_path == f"{parts.scheme}://{parts.netloc}":
            if len(self._released) >= MOST_DESTINATIONS:
                self._released.clear()
            self._released[before_path] = released
        return released

    def _send(
        self, request: requests.PreparedRequest, live: Live, options: dict[str, Any]
    ) -> requests.Response:
        copy, wire = stamped(request, live)
        try:
            response = self._inner.send(copy, **options)
        except Exception as error:
            self._failed(error, request)
            raise
        response.request = request
        return response if wire is None else given_back(response, request, wire)

    def _failed(self, error: Exception, request: requests.PreparedRequest) -> None:
        if isinstance(error, requests.RequestException):
            error.request = request
        scrub(error)

    def _told(
        self,
        steps: Story,
        attempt: Attempt,
        response: requests.Response,
        rewind: Callable[[], None] | None,
        send: Callable[[Live], requests.Response],
    ) -> requests.Response:
        """The last answer of the story; a failure on the way closes the one at hand."""
        reply: Any = None
        try:
            while True:
                try:
                    need = steps.send(reply)
                except StopIteration:
                    break
                if isinstance(need, PeekBody):
                    reply = peek(response)
                elif isinstance(need, Renew):
                    reply = attempt.renewed(need.rejected)
                else:
                    drain(response)
                    if rewind is not None:
                        rewind()
                    response = send(need.live)
                    reply = answer_of(response), need.live
        except BaseException:
            response.close()
            raise
        return self._kept(response, attempt.outcome)

    def _kept(self, response: Any, outcome: Outcome) -> requests.Response:
        """The response with its outcome. Code that sends again over `connection` passes here again."""
        response.authrecord = outcome
        response.connection = self
        kept: requests.Response = response
        return kept

    def close(self) -> None:
        """Close the inner adapter."""
        self._inner.close()


def attach(session: requests.Session, authenticator: Authenticator) -> requests.Session:
    """`session` itself, from now on authenticated: each of its adapters is wrapped.

    A session without an `auth` of its own gets one that leaves out the look-ups that requests makes for each
    request, where their result would not be sent: see `requests_lookups`.
    """
    for prefix, adapter in list(session.adapters.items()):
        session.adapters[prefix] = ours = Adapter(authenticator, adapter)
        session.auth = session.auth or Lookups(session, ours.releases)
    return session


def base_url(session: requests.Session) -> str | None:
    """A session of requests has no base URL; subclasses commonly call theirs `base_url`."""
    url = getattr(session, "base_url", None)
    return str(url) if url and urlsplit(str(url)).scheme in _HTTP else None


__all__ = ["Adapter", "attach", "base_url"]
