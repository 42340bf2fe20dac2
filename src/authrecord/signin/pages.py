"""The pages of the loopback listener: few, self-contained, without a secret.

Every answer has the headers of `headers`: nothing is stored, framed, referred or loaded from elsewhere (A24).
A provider's words are escaped. The one script, for the implicit grant, runs by its nonce.
"""

from __future__ import annotations

from html import escape

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2024;--soft:#5d656d;--ground:#fbfcfc;--line:#dfe3e6;--card:#fff;
--accent:oklch(.52 .09 195);--bad:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecee;--soft:#98a2a9;--ground:#111416;--line:#2a3034;--card:#181c1f;
--accent:oklch(.78 .09 195);--bad:#f97066}}
*{box-sizing:border-box}html{height:100%}
body{margin:0;min-height:100%;display:grid;place-items:center;padding:24px;background:var(--ground);color:var(--ink);
font:15px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:440px;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:32px}
.mark{display:flex;align-items:center;justify-content:center;width:40px;height:40px;border-radius:50%;
border:2px solid var(--accent);color:var(--accent);font-size:20px;line-height:1;margin-bottom:20px}
.bad .mark{border-color:var(--bad);color:var(--bad)}
h1{font-size:20px;font-weight:600;line-height:1.3;margin:0 0 8px;overflow-wrap:anywhere}
p{margin:0 0 12px;color:var(--soft);overflow-wrap:anywhere}p:last-child{margin:0}
code{font:13px ui-monospace,SFMono-Regular,Menlo,monospace;color:var(--ink)}
blockquote{margin:0 0 12px;padding:8px 12px;border-left:2px solid var(--line);color:var(--ink);overflow-wrap:anywhere}
footer{margin-top:24px;padding-top:16px;border-top:1px solid var(--line);font-size:13px;color:var(--soft)}
"""

_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="referrer" content="no-referrer"><title>{title} · authrecord</title><style nonce="{nonce}">{style}</style>
</head><body class="{kind}"><main><div class="mark" aria-hidden="true">{mark}</div>{content}
<footer>authrecord, on this machine</footer></main>{script}</body></html>"""

_SCRIPT = """<script nonce="{nonce}">
const answer=location.hash.slice(1);
history.replaceState(null,"",location.pathname);
fetch(location.pathname,{{method:"POST",headers:{{"Content-Type":"application/json"}},
body:JSON.stringify({{fragment:answer}})}})
.then(reply=>reply.ok?location.replace(location.pathname+"/done"):reply.text().then(page=>{{
document.querySelector("h1").textContent="This answer does not belong to the login";
document.querySelector("p").textContent="The login still waits. Go back to the provider's page and try again.";}}))
.catch(()=>{{document.querySelector("h1").textContent="The login is no longer waiting";
document.querySelector("p").textContent="Start it again in the terminal.";}});
</script>"""


def headers(nonce: str) -> list[tuple[str, str]]:
    """The headers of every answer."""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", policy),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("connection", "close"),
    ]


def done(record: str, nonce: str) -> str:
    """The login has ended well."""
    content = (
        f"<h1>You are logged in</h1><p>The record <code>{escape(record)}</code> has its token.</p>"
        "<p>You can close this tab and go back to the terminal.</p>"
    )
    return _page("Logged in", content, nonce)


def failed(record: str, message: str, hint: str, nonce: str) -> str:
    """The login has ended without a token."""
    content = (
        f"<h1>The login did not work</h1><p>Record <code>{escape(record)}</code>:</p>"
        f"<blockquote>{escape(message)}</blockquote><p>{escape(hint or 'Start it again in the terminal.')}</p>"
    )
    return _page("Login failed", content, nonce, bad=True)


def not_ours(nonce: str) -> str:
    """An answer that does not belong to the login, which goes on waiting."""
    content = (
        "<h1>This answer does not belong to the login</h1><p>Nothing was taken from it, and the login still waits. "
        "Go back to the provider's page and try again.</p>"
    )
    return _page("Not this login", content, nonce, bad=True)


def already_used(nonce: str) -> str:
    """A second answer for a login that has its first."""
    content = "<h1>This answer was used already</h1><p>The login has ended. You can close this tab.</p>"
    return _page("Already used", content, nonce)


def begun_elsewhere(nonce: str) -> str:
    """The start page, asked for by a second browser."""
    content = (
        "<h1>This login was begun in another browser</h1><p>If that was not you, end it in the terminal with "
        "Ctrl-C, and start it again.</p>"
    )
    return _page("Begun elsewhere", content, nonce, bad=True)


def refusal(status: int, nonce: str) -> str:
    """Anything else that arrives."""
    return _page("Not here", f"<h1>There is nothing here</h1><p>Status {status}.</p>", nonce, bad=True)


def read_fragment(nonce: str) -> str:
    """The page that reads the fragment, takes it out of the address bar and the history, and hands it over."""
    content = (
        "<h1>One moment…</h1><p>The answer is being handed to authrecord.</p>"
        "<noscript><p>This browser runs no scripts. Copy the address from the address bar and paste it into "
        "the terminal.</p></noscript>"
    )
    return _page("One moment", content, nonce, script=_SCRIPT.format(nonce=nonce), mark="…")


def _page(
    title: str, content: str, nonce: str, *, bad: bool = False, script: str = "", mark: str = ""
) -> str:
    return _SHELL.format(
        title=title,
        nonce=nonce,
        style=_STYLE,
        kind="bad" if bad else "good",
        mark=mark or ("!" if bad else "✓"),
        content=content,
        script=script,
    )
