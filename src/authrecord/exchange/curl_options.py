"""The options of curl, as far as an importer must know them: which of them take a value, and what the others mean.

Source: the manual page of curl 8.17.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SHORT: Final = {
    "H": "header",
    "u": "user",
    "d": "data",
    "F": "form",
    "b": "cookie",
    "k": "insecure",
    "G": "get",
    "E": "cert",
    "n": "netrc",
    "x": "proxy",
    "U": "proxy-user",
    "K": "config",
}
_SHORT_WITH_VALUE: Final = frozenset("AbcCdDeEFHhKmoPQrtTuUwxXyYz")

_WITH_VALUE: Final = frozenset(
    """
    abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout connect-to
    continue-at cookie cookie-jar create-file-mode crlfile curves data data-ascii data-binary data-raw data-urlencode
    delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine
    etag-compare etag-save expect100-timeout form form-string ftp-account ftp-alternative-to-user ftp-method ftp-port
    ftp-ssl-ccc-mode happy-eyeballs-timeout-ms haproxy-clientip header help hostpubmd5 hostpubsha256 hsts interface
    ip-tos ipfs-gateway json keepalive-cnt keepalive-time key key-type krb libcurl limit-rate local-port login-options
    mail-auth mail-from mail-rcpt max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir
    parallel-max parallel-max-host pass pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-cacert
    proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass
    proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser
    proxy-user proxy1.0 pubkey quote random-file range rate referer request request-target resolve retry retry-delay
    retry-max-time sasl-authzid service-name sigalgs socks4 socks4a socks5 socks5-gssapi-service socks5-hostname
    speed-limit speed-time stderr telnet-option tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword
    tlsuser trace trace-ascii trace-config unix-socket upload-file upload-flags url url-query user user-agent variable
    vlan-priority write-out
    """.split()
)

MEANINGS: Final = {
    "insecure": "-k was left out: certificates are always checked.",
    "proxy": "The proxy was left out: set AUTHRECORD_PROXY for requests to providers.",
    "preproxy": "The proxy was left out: set AUTHRECORD_PROXY for requests to providers.",
    "proxy-user": "The proxy's login was left out.",
    "cert": "The client certificate was left out: a record has one for token requests only.",
    "key": "The client certificate was left out: a record has one for token requests only.",
    "netrc": "The login in a .netrc file was left out: no file is read.",
    "netrc-file": "The login in a .netrc file was left out: no file is read.",
    "netrc-optional": "The login in a .netrc file was left out: no file is read.",
    "config": "The options in a file were left out: no file is read.",
    "digest": "Digest authentication was left out: no kind of record does that.",
    "ntlm": "NTLM authentication was left out: no kind of record does that.",
    "negotiate": "Negotiate authentication was left out: no kind of record does that.",
    "anyauth": "Any authentication (--anyauth) was left out: no kind of record does that.",
    "aws-sigv4": "AWS signatures were left out: no kind of record does that.",
}
"""What a note says about an option."""


def options_of(words: list[str]) -> Iterator[tuple[str, str]]:
    """The options of the words behind `curl`: long name and value. A word that is no option comes as `url`."""
    rest = iter(words)
    plain = False
    for word in rest:
        if plain or not word.startswith("-") or word == "-":
            yield "url", word
        elif word == "--":
            plain = True
        elif word in ("--next", "-:"):
            return  # another request begins
        elif word.startswith("--"):
            name = word[2:]
            yield name, next(rest, "") if name in _WITH_VALUE else ""
        else:
            yield from _short(word[1:], rest)


def _short(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    """`-sSu name:password`: the value may stand in the same word."""
    for number, letter in enumerate(letters):
        name = SHORT.get(letter, letter)
        if letter in _SHORT_WITH_VALUE:
            yield name, letters[number + 1 :] or next(rest, "")
            return
        yield name, ""
