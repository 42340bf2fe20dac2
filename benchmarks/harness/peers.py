"""Adapters: one class per peer, used by herd.py, longrun.py, exchange.py, faults.py.

An adapter is built with (base, realm, scenario, leeway) where
  scenario "cc"      -> client credentials, no token yet
  scenario "refresh" -> starts with an EXPIRED access token + a valid refresh token (self.seed from the server)
and offers  get(path) -> status code  (def for sync peers, async def for async peers),  close().
HARD_LEEWAY: seconds of early expiry that the peer hard-codes (the bench adds it to the token's lifetime).
LAZY: True if the library itself fetches the first token on demand; False = the adapter does the usual naive
      "if no token: fetch" of user code (marked with a dagger in the tables).
Add a peer: subclass Sync/Async, decorate with @peer("name"), put the file behind --extra.
"""
import datetime, json, os, time, urllib.request, warnings
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
warnings.simplefilter("ignore")
REG = {}
TIMEOUT = 60.0


def peer(name):
    def d(c):
        c.name = name
        REG[name] = c
        return c
    return d


def admin(base, realm, op, data=None):
    req = urllib.request.Request(f"{base}/{realm}/admin/{op}", data=None if op == "stats" else json.dumps(data or {}).encode())
    return json.loads(urllib.request.urlopen(req, timeout=30).read())


class Base:
    HARD_LEEWAY = 0.0
    LAZY = True
    SCEN = ("cc",)
    is_async = False
    CAN_LEEWAY = True

    def __init__(self, base, realm, scenario="cc", leeway=None):
        self.base, self.realm, self.scenario, self.leeway = base, realm, scenario, leeway
        self.token_url = f"{base}/{realm}/token"
        self.seed = admin(base, realm, "issue", {"expired": True}) if scenario == "refresh" else None
        self.setup()

    def url(self, p):
        return f"{self.base}/{self.realm}/{p}"

    def seed_dict(self, at=None):
        return {**self.seed, "expires_at": int(at if at is not None else time.time() - 100)}

    def close(self):
        pass


class Async(Base):
    is_async = True

    def setup(self):      # async peers build in asetup (inside the loop)
        pass

    async def asetup(self):
        pass

    async def aclose(self):
        pass


# ------------------------------------------------------------------ httpx-auth
class _HttpxAuth:
    def _auth(self):
        import httpx_auth
        ee = 30.0 if self.leeway is None else (self.leeway or 0.001)     # early_expiry=0 is read as 30 (bug)
        kw = dict(early_expiry=ee)
        if self.scenario == "cc":
            return httpx_auth.OAuth2ClientCredentials(self.token_url, client_id="c", client_secret="s", **kw)
        a = httpx_auth.OAuth2ResourceOwnerPasswordCredentials(self.token_url, username="u", password="p", **kw)
        httpx_auth.OAuth2.token_cache._add_token(a.state, self.seed["access_token"], time.time() - 100, self.seed["refresh_token"])
        return a


@peer("httpx-auth")
class HttpxAuthSync(_HttpxAuth, Base):
    SCEN = ("cc", "refresh")

    def setup(self):
        import httpx
        self.c = httpx.Client(auth=self._auth(), timeout=TIMEOUT)

    def get(self, p):
        return self.c.get(self.url(p)).status_code


@peer("httpx-auth[async]")
class HttpxAuthAsync(_HttpxAuth, Async):
    SCEN = ("cc", "refresh")

    async def asetup(self):
        import httpx
        self.c = httpx.AsyncClient(auth=self._auth(), timeout=TIMEOUT)

    async def get(self, p):
        return (await self.c.get(self.url(p))).status_code

    async def aclose(self):
        await self.c.aclose()


# ------------------------------------------------------------------ requests-auth
@peer("requests-auth")
class RequestsAuth(Base):
    SCEN = ("cc", "refresh")

    def setup(self):
        import requests, requests_auth
        ee = 30.0 if self.leeway is None else (self.leeway or 0.001)
        if self.scenario == "cc":
            a = requests_auth.OAuth2ClientCredentials(self.token_url, client_id="c", client_secret="s", early_expiry=ee)
        else:
            a = requests_auth.OAuth2ResourceOwnerPasswordCredentials(self.token_url, username="u", password="p", early_expiry=ee)
            requests_auth.OAuth2.token_cache._add_token(a.state, self.seed["access_token"], time.time() - 100, self.seed["refresh_token"])
        self.s = requests.Session(); self.s.auth = a; self.s.trust_env = False
        self.s.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def get(self, p):
        return self.s.get(self.url(p), timeout=TIMEOUT).status_code


# ------------------------------------------------------------------ authlib
class _Authlib:
    LAZY = False
    SCEN = ("cc", "refresh")

    def _kw(self):
        kw = dict(client_id="c", client_secret="s", token_endpoint=self.token_url)
        if self.leeway is not None: kw["leeway"] = self.leeway
        if self.scenario == "cc": kw["grant_type"] = "client_credentials"
        else: kw["token"] = self.seed_dict()
        return kw


@peer("authlib-httpx2")
class AuthlibHttpx(_Authlib, Base):
    def setup(self):
        from authlib.integrations.httpx_client import OAuth2Client
        self.c = OAuth2Client(timeout=TIMEOUT, trust_env=False, **self._kw())

    def get(self, p):
        if not self.c.token: self.c.fetch_token()
        return self.c.get(self.url(p)).status_code


@peer("authlib-requests")
class AuthlibRequests(_Authlib, Base):
    def setup(self):
        import requests
        from authlib.integrations.requests_client import OAuth2Session
        self.c = OAuth2Session(**self._kw()); self.c.trust_env = False
        self.c.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def get(self, p):
        if not self.c.token: self.c.fetch_token()
        return self.c.get(self.url(p), timeout=TIMEOUT).status_code


@peer("authlib-httpx2[async]")
class AuthlibAsync(_Authlib, Async):
    async def asetup(self):
        from authlib.integrations.httpx_client import AsyncOAuth2Client
        self.c = AsyncOAuth2Client(timeout=TIMEOUT, trust_env=False, **self._kw())

    async def get(self, p):
        if not self.c.token: await self.c.fetch_token()
        return (await self.c.get(self.url(p))).status_code

    async def aclose(self):
        await self.c.aclose()


# ------------------------------------------------------------------ requests-oauthlib
@peer("requests-oauthlib")
class RequestsOauthlib(Base):
    LAZY = False
    SCEN = ("cc", "refresh")

    def setup(self):
        import requests
        from requests_oauthlib import OAuth2Session
        from oauthlib.oauth2 import BackendApplicationClient
        if self.scenario == "cc":
            self.s = OAuth2Session(client=BackendApplicationClient("c"))
        else:
            tok = {**self.seed, "expires_in": -100}; tok.pop("expires_at", None)
            tok["expires_at"] = time.time() - 100
            self.s = OAuth2Session("c", token=tok, auto_refresh_url=self.token_url, token_updater=lambda t: None)
        self.s.trust_env = False
        self.s.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def get(self, p):
        from oauthlib.oauth2 import TokenExpiredError
        if self.scenario == "cc":
            if not self.s.token: self.s.fetch_token(self.token_url, client_secret="s", timeout=TIMEOUT)
            try:
                return self.s.get(self.url(p), timeout=TIMEOUT).status_code
            except TokenExpiredError:
                self.s.fetch_token(self.token_url, client_secret="s", timeout=TIMEOUT)
        return self.s.get(self.url(p), timeout=TIMEOUT).status_code


# ------------------------------------------------------------------ requests-oauth2client
@peer("requests-oauth2client")
class RequestsOauth2client(Base):
    SCEN = ("cc", "refresh")

    def setup(self):
        import requests
        from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth, OAuth2AccessTokenAuth, BearerToken
        ts = requests.Session(); ts.trust_env = False
        ts.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
        cl = OAuth2Client(token_endpoint=self.token_url, client_id="c", client_secret="s", testing=True, session=ts)
        kw = {} if self.leeway is None else dict(leeway=self.leeway)
        if self.scenario == "cc":
            a = OAuth2ClientCredentialsAuth(cl, **kw)
        else:
            a = OAuth2AccessTokenAuth(cl, BearerToken(self.seed["access_token"], expires_in=-100, refresh_token=self.seed["refresh_token"]), **kw)
        self.s = requests.Session(); self.s.auth = a; self.s.trust_env = False
        self.s.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def get(self, p):
        return self.s.get(self.url(p), timeout=TIMEOUT).status_code


from peers_more import _ctl  # the other half; it registers its own rows, behind these


def load_extra(path):
    if path:
        import importlib.util
        sp = importlib.util.spec_from_file_location("extra_peer", path)
        m = importlib.util.module_from_spec(sp); sp.loader.exec_module(m)
