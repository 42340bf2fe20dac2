"""The source keeps to the house rules: small files, docstrings, laws, and few doors for secrets."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shape import source_rules, text_rules
from tests.shape.tree import check_nothing_found, python_files, text_of, tree_of

LONGEST_FILE = 400
"""Lines, docstrings included."""

MAY_REVEAL = {
    "cli/entry.py": "`token` prints it, on the fast path",
    "cli/gateway.py": "a new password of the gateway is shown once",
    "cli/envoy_options.py": "the gateway's new password is shown once",
    "cli/headers.py": "`headers` prints what would be sent",
    "cli/token.py": "`token` prints it",
    "clients/wire.py": "the request that goes out, and the log filter that learns what to hide",
    "core/messages.py": "`plain`, which gives the text of a part of a message",
    "core/secret.py": "the type itself",
    "doctor/client_proof.py": "would form encoding change the id or the secret?",
    "doctor/obtaining.py": "the authorization page is asked for",
    "doctor/references.py": "a secret that ends in a line break is worth a word",
    "documents/digest.py": "a revision changes when a secret does",
    "documents/secret_rules.py": "the characters of a literal secret",
    "documents/writing.py": "a document that keeps its secrets is written with them",
    "gateway/child.py": "the password of the proxy that a child process is given",
    "gateway/callers.py": "the gateway's password is compared by its hash",
    "gateway/envoy/callers.py": "the digest of the gateway's password",
    "grants/authorization_code.py": "the challenge is a hash of the verifier",
    "grants/client_authentication.py": "Basic, body and the key of an assertion",
    "grants/lifetime.py": "the claims of a JWT",
    "grants/pending.py": "`state` is compared",
    "grants/words.py": "a provider's words are cleaned of the secrets they echo",
    "keeper/logins.py": "a login is found by a hash of its `state`",
    "keeper/naming.py": "the mark of a token is a hash of it",
    "schemes/bearer.py": "`plain` of the token, to put its prefix before it",
    "signin/listener.py": "the start page leads to the authorization URL",
    "signin/login.py": "the browser, or the person who pastes, is sent to the authorization URL",
    "signing.py": "the key that signs",
    "stores/passphrase.py": "Argon2id makes a key of it",
    "cli/serve.py": "the one-time link is printed for whoever starts the server",
    "web/api/admin.py": "a new API token is shown once",
    "web/api/credentials.py": "a program gets the token or headers that it may use",
    "web/api/logins.py": "a program gets the address to log in at",
    "web/authorizing.py": "a waiting login is found by a hash of its `state`",
    "web/id_tokens.py": "an ID token is verified, and its nonce compared",
    "web/kept_logins.py": "a login that waits is written down to be sealed",
    "web/pages/authorize.py": "the browser is sent to the provider",
    "web/pages/provider.py": "the browser is sent to the provider, with its sealed cookie",
    "web/pages/settings.py": "a new API token is shown once",
    "web/pages/starting.py": "what a person pasted goes into the masked fields of their own form",
    "web/pages/trying.py": "a secret is revealed to who may and gave the password again",
    "web/passwords.py": "a password is hashed and checked",
    "web/provider_login.py": "a sign-in that waits is sealed into the browser's cookie",
    "web/previewing.py": "requests that are made of stand-ins, never of secrets",
    "stores/payload.py": "the bytes that are sealed",
    "stores/remote/api_token.py": "whether it has the form of an API token",
    "stores/remote/documents.py": "a new secret of a record goes to the server that keeps it",
}
"""The modules that may open a secret, below src/authrecord, and what for (design rule 7)."""

MAY_JOIN_URLS: frozenset[str] = frozenset()
"""The one file that may call `urljoin`, if any does."""

MAY_COMPILE_PATTERNS: frozenset[str] = frozenset()
"""Modules that hand `re` a pattern made elsewhere. A user's pattern never goes there: it runs on RE2."""

Rule = Callable[[ast.Module], Iterator[source_rules.Fault]]


def below_package(path: Path) -> str:
    """`core/secret.py` for src/authrecord/core/secret.py."""
    return path.as_posix().removeprefix("src/authrecord/")


def faults_of(rule: Rule, *folders: str, allowed: frozenset[str] = frozenset()) -> list[str]:
    """What `rule` finds below `folders`, outside of the `allowed` modules."""
    return [
        f"{path}:{line}: {fault}"
        for path in python_files(*folders)
        if below_package(path) not in allowed
        for line, fault in rule(tree_of(path))
    ]


def test_there_is_a_source_to_look_at() -> None:
    assert len(python_files("src")) > 20
    assert len(python_files("tests")) > 10


def test_no_python_file_is_longer_than_400_lines() -> None:
    files = python_files("src", "tests", "benchmarks", "scripts")
    lengths = {path: text_of(path).count("\n") for path in files}
    check_nothing_found([f"{path}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE])


def test_every_module_class_and_public_function_of_the_source_has_a_docstring() -> None:
    check_nothing_found(faults_of(source_rules.missing_docstrings, "src"))


def test_every_room_states_its_law() -> None:
    """The docstring of each sub-package says what it may import, or what it never does."""
    rooms = [path for path in python_files("src") if path.name == "__init__.py" and len(path.parts) > 3]
    assert rooms
    check_nothing_found([f"{path}: no law" for path in rooms if source_rules.law_is_missing(tree_of(path))])


def test_P2_only_the_listed_modules_reveal_a_secret() -> None:
    check_nothing_found(faults_of(source_rules.revealing, "src", allowed=frozenset(MAY_REVEAL)))


def test_the_list_of_revealing_modules_is_not_longer_than_it_must_be() -> None:
    opening = {
        below_package(path) for path in python_files("src") if list(source_rules.revealing(tree_of(path)))
    }
    check_nothing_found([f"{name} opens no secret" for name in MAY_REVEAL if name not in opening])


def test_S25_no_code_switches_certificate_checks_off() -> None:
    check_nothing_found(faults_of(source_rules.unverified_tls, "src", "benchmarks"))


def test_no_loader_builds_whatever_a_document_asks_for() -> None:
    check_nothing_found(faults_of(source_rules.unsafe_loading, "src"))


def test_urls_are_joined_in_one_place_at_most() -> None:
    assert len(MAY_JOIN_URLS) <= 1
    check_nothing_found(faults_of(source_rules.joining_urls, "src", allowed=MAY_JOIN_URLS))


def test_G4_no_pattern_of_a_user_runs_on_the_backtracking_engine() -> None:
    check_nothing_found(faults_of(source_rules.patterns_from_outside, "src", allowed=MAY_COMPILE_PATTERNS))


@pytest.mark.parametrize("rule", [text_rules.exceptions_without_reason, text_rules.leftovers])
def test_comments_give_reasons_and_leave_nothing_for_later(
    rule: Callable[[str], Iterator[source_rules.Fault]],
) -> None:
    files = python_files("src", "tests", "benchmarks", "scripts")
    check_nothing_found([f"{path}:{line}: {fault}" for path in files for line, fault in rule(text_of(path))])


def test_the_public_names_are_the_pinned_ones() -> None:
    """A name that users import is added, and taken away, on purpose."""
    package = importlib.import_module("authrecord")
    from tests.shape.public_names import PUBLIC_NAMES

    assert sorted(package.__all__) == sorted(PUBLIC_NAMES)
    check_nothing_found([name for name in PUBLIC_NAMES if not hasattr(package, name)])
