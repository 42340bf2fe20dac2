"""The second half of the adapters: google-auth, msal, the smaller libraries, and hand-written controls. See peers.py."""
import datetime, time
from peers import TIMEOUT, Async, Base, peer


# ------------------------------------------------------------------ google-auth
_KEY = None


def rsa_pem():
    global _KEY
    if _KEY is None:
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives import serialization as s
        _KEY = rsa.generate_private_key(65537, 2048).private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    return _KEY


@peer("google-auth")
class GoogleAuth(Base):
    HARD_LEEWAY = 225.0
    CAN_LEEWAY = False
    SCEN = ("cc", "refresh")     # cc = service account (RFC 7523 JWT bearer grant)

    def setup(self):
        import requests
        from google.auth.transport.requests import AuthorizedSession
        if self.scenario == "cc":
            from google.oauth2 import service_account
            cr = service_account.Credentials.from_service_account_info(
                {"client_email": "a@b", "token_uri": self.token_url, "private_key": rsa_pem(), "private_key_id": "1"}, scopes=["x"])
        else:
            from google.oauth2.credentials import Credentials
            cr = Credentials(self.seed["access_token"], refresh_token=self.seed["refresh_token"], token_uri=self.token_url, client_id="c",
                             client_secret="s", expiry=datetime.datetime.utcnow() - datetime.timedelta(hours=1))
        self.s = AuthorizedSession(cr); self.s.trust_env = False
        self.s.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
        self.s._auth_request_session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def get(self, p):
        return self.s.get(self.url(p), timeout=TIMEOUT).status_code


# ------------------------------------------------------------------ msal
@peer("msal")
class Msal(Base):
    HARD_LEEWAY = 300.0
    CAN_LEEWAY = False

    def setup(self):
        import msal, requests
        ts = requests.Session(); ts.trust_env = False
        ts.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
        base, realm = self.base, self.realm

        class Http:      # MSAL insists on https authorities: map them to the local server
            def _m(s, u): return u.replace("https://as.test/" + realm, f"{base}/{realm}")
            def get(s, url, **k):
                r = ts.get(s._m(url), **k)
                r._content = r.content.replace(base.encode(), b"https://as.test"); return r
            def post(s, url, **k): return ts.post(s._m(url), **k)
            def close(s): ts.close()
        self.app = msal.ConfidentialClientApplication("c", client_credential="s", oidc_authority="https://as.test/" + realm, http_client=Http())
        self.s = requests.Session(); self.s.trust_env = False
        self.s.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def get(self, p):
        t = self.app.acquire_token_for_client(["a/.default"])
        if "access_token" not in t: raise RuntimeError(str(t.get("error")))
        return self.s.get(self.url(p), headers={"Authorization": "Bearer " + t["access_token"]}, timeout=TIMEOUT).status_code


# ------------------------------------------------------------------ oauth2-client
@peer("oauth2-client")
class OAuth2ClientPkg(Base):
    LAZY = False
    CAN_LEEWAY = False
    SCEN = ("cc", "refresh")

    def setup(self):
        import requests
        from oauth2_client.credentials_manager import CredentialManager, ServiceInformation
        self.m = CredentialManager(ServiceInformation(None, self.token_url, "c", "s", []))
        if self.scenario == "refresh":
            self.m._process_token_response(self.seed, True); self._pool()

    def _pool(self):
        import requests
        self.m._session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def get(self, p):
        if self.m._session is None:
            self.m.init_with_client_credentials(); self._pool()
        return self.m.get(self.url(p), timeout=TIMEOUT).status_code


# ------------------------------------------------------------------ httpx-oauth2 (transport wrapper)
@peer("httpx-oauth2")
class HttpxOauth2(Base):
    HARD_LEEWAY = 20.0
    CAN_LEEWAY = False
    SCEN = ("cc", "refresh")

    def setup(self):
        import httpx, httpx_oauth2 as h
        cfg = {"token_endpoint": self.token_url, "token_endpoint_auth_methods_supported": ["client_secret_basic"],
               "grant_types_supported": ["client_credentials", "password", "refresh_token"]}
        f = h.AuthenticatingTransportFactory(h.OAuthAuthorityClient(httpx.Client(timeout=TIMEOUT, trust_env=False), cfg))
        self.c = httpx.Client(timeout=TIMEOUT, trust_env=False)
        if self.scenario == "cc":
            cr = h.ClientCredentials("c", "s")
        else:
            from httpx_oauth2._token import OAuthToken
            from httpx_oauth2._token_provider import SyncTokenProvider
            cr = h.ResourceOwnerCredentials("c", "s").with_username_password("u", "p")
            tp = f.token_provider
            pr = SyncTokenProvider(tp.authority, tp.now)
            pr.value = OAuthToken.from_dict({**self.seed, "expires_in": 1, "refresh_expires_in": 99999}, emitted_at=datetime.datetime.now() - datetime.timedelta(seconds=100))
            tp.sync_token_providers[cr] = pr
        self.c._transport = f.authenticating_transport(self.c._transport, cr)

    def get(self, p):
        return self.c.get(self.url(p)).status_code


# ------------------------------------------------------------------ aiohttp-oauth2-client
@peer("aiohttp-oauth2-client[async]")
class AiohttpO2C(Async):
    HARD_LEEWAY = 30.0
    CAN_LEEWAY = False
    SCEN = ("cc", "refresh")

    async def asetup(self):
        import aiohttp
        from aiohttp_oauth2_client.middleware import OAuth2Middleware
        from aiohttp_oauth2_client.grant.client_credentials import ClientCredentialsGrant
        from aiohttp_oauth2_client.grant.resource_owner_password_credentials import ResourceOwnerPasswordCredentialsGrant
        if self.scenario == "cc":
            self.g = ClientCredentialsGrant(self.token_url, "c", "s")
        else:
            self.g = ResourceOwnerPasswordCredentialsGrant(self.token_url, username="u", password="p", token=self.seed_dict())
        self.s = aiohttp.ClientSession(middlewares=(OAuth2Middleware(self.g),), timeout=aiohttp.ClientTimeout(total=TIMEOUT))

    async def get(self, p):
        async with self.s.get(self.url(p)) as r:
            await r.read()
            return r.status

    async def aclose(self):
        await self.s.close(); await self.g.close()


# ------------------------------------------------------------------ hand-written controls
@peer("hand-written naive[async]")
class NaiveAsync(Async):
    """What most tutorials show: httpx.Auth that fetches when the token is missing/expired; no lock, no 401 retry."""
    SCEN = ("cc", "refresh")

    async def asetup(self):
        import httpx
        outer = self

        class A(httpx.Auth):
            requires_response_body = True
            tok = outer.seed["access_token"] if outer.seed else None
            rt = outer.seed["refresh_token"] if outer.seed else None
            exp = 0.0

            def auth_flow(self, request):
                lee = 0.0 if outer.leeway is None else outer.leeway
                if self.tok is None or time.time() > self.exp - lee:
                    data = {"grant_type": "refresh_token", "refresh_token": self.rt} if self.rt else {"grant_type": "client_credentials"}
                    r = yield httpx.Request("POST", outer.token_url, data=data)
                    r.raise_for_status(); d = r.json()
                    self.tok, self.exp, self.rt = d["access_token"], time.time() + d["expires_in"], d.get("refresh_token", self.rt)
                request.headers["Authorization"] = "Bearer " + self.tok
                yield request
        self.c = httpx.AsyncClient(auth=A(), timeout=TIMEOUT, trust_env=False)

    async def get(self, p):
        return (await self.c.get(self.url(p))).status_code

    async def aclose(self):
        await self.c.aclose()


def _ctl(httpx):
    """Control: single flight + fractional skew + one retry on 401 keyed by the token that failed."""
    import asyncio, threading

    class Ctl(httpx.Auth):
        def __init__(self, outer, is_async):
            self.o, self.tok, self.exp = outer, None, 0.0
            self.rt = outer.seed["refresh_token"] if outer.seed else None
            self.lock = asyncio.Lock() if is_async else threading.Lock()
            self.cl = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) if is_async else httpx.Client(timeout=TIMEOUT, trust_env=False)

        def _data(self):
            return {"grant_type": "refresh_token", "refresh_token": self.rt} if self.rt else {"grant_type": "client_credentials"}

        def _store(self, r):
            r.raise_for_status(); d = r.json(); life = float(d["expires_in"])
            lee = self.o.leeway if self.o.leeway is not None else min(30.0, life * 0.1)
            self.tok, self.exp, self.rt = d["access_token"], time.time() + life - lee, d.get("refresh_token", self.rt)

        def fresh(self, bad):
            return self.tok is not None and self.tok is not bad and time.time() < self.exp

        def sync_auth_flow(self, request):
            bad = None
            for _ in range(2):
                if not self.fresh(bad):
                    with self.lock:
                        if not self.fresh(bad): self._store(self.cl.post(self.o.token_url, data=self._data()))
                t = self.tok
                request.headers["Authorization"] = "Bearer " + t
                resp = yield request
                if resp.status_code != 401: return
                bad = t

        async def async_auth_flow(self, request):
            bad = None
            for _ in range(2):
                if not self.fresh(bad):
                    async with self.lock:
                        if not self.fresh(bad): self._store(await self.cl.post(self.o.token_url, data=self._data()))
                t = self.tok
                request.headers["Authorization"] = "Bearer " + t
                resp = yield request
                if resp.status_code != 401: return
                bad = t
    return Ctl


@peer("control single-flight+401[async]")
class CtlAsync(Async):
    SCEN = ("cc", "refresh")

    async def asetup(self):
        import httpx
        self.a = _ctl(httpx)(self, True)
        self.c = httpx.AsyncClient(auth=self.a, timeout=TIMEOUT, trust_env=False)

    async def get(self, p):
        return (await self.c.get(self.url(p))).status_code

    async def aclose(self):
        await self.c.aclose(); await self.a.cl.aclose()


@peer("control single-flight+401")
class CtlSync(Base):
    SCEN = ("cc", "refresh")

    def setup(self):
        import httpx
        self.a = _ctl(httpx)(self, False)
        self.c = httpx.Client(auth=self.a, timeout=TIMEOUT, trust_env=False)

    def get(self, p):
        return self.c.get(self.url(p)).status_code


@peer("control httpx2 single-flight+401[async]")
class CtlAsync2(CtlAsync):
    async def asetup(self):
        import httpx2
        self.a = _ctl(httpx2)(self, True)
        self.c = httpx2.AsyncClient(auth=self.a, timeout=TIMEOUT, trust_env=False)
