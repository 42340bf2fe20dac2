"""P22: nothing that is kept in version control looks like a secret: sources, tests, fixtures, recordings, docs."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.canary_watch import Canary
from tests.shape.tree import check_nothing_found, project_files, text_of

# Put together here, so that this file does not hold what it looks for.
KNOWN_FORMS: Final = {
    "a GitHub token": "gh[pousr]_" + "[A-Za-z0-9]{20,}",
    "a GitHub fine-grained token": "github" + "_pat_[A-Za-z0-9_]{20,}",
    "a GitLab token": "gl" + "pat-[A-Za-z0-9_-]{16,}",
    "a Slack token": "xox" + "[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Stripe key": "[rs]k_" + "(?:live|test)_[A-Za-z0-9]{16,}",
    "an AWS key id": "(?:AK|AS)" + "IA[0-9A-Z]{16}",
    "a Google key": "AI" + "za[0-9A-Za-z_-]{30,}",
    "a Google OAuth secret": "GOC" + "SPX-[A-Za-z0-9_-]{20,}",
    "a PyPI token": "py" + "pi-AgE[A-Za-z0-9_-]{20,}",
    "an OpenAI or Anthropic key": "sk" + "-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}",
    "a private key": "-----BEGIN" + " (?:[A-Z]+ )?PRIVATE KEY-----\n[A-Za-z0-9+/=]{20,}",
    "a JWT": "eyJ" + r"[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a password in a URL": r"[a-z]+://[A-Za-z0-9._-]+:[A-Za-z0-9+/=_-]{20,}@",
}

LONG_WORD: Final = re.compile(r"[A-Za-z0-9+/=_-]{32,200}")
MOST_BITS: Final = 4.3
"""Bits for each character. Words of a language, and names, have less; 32 random letters and digits mostly more."""

HASHES: Final = re.compile(r"(?:sha(?:1|256|384|512)[-:=]|integrity\"?:|--hash)")
"""Lines of a lock hold hashes of public files."""


def looks_random(word: str) -> bool:
    """Whether a word of 32 characters or more was rather drawn than written."""
    kinds = sum(bool(re.search(kind, word)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    hexadecimal = re.fullmatch("[0-9a-f]+|[0-9A-F]+", word) is not None
    if kinds < 3 and not (hexadecimal and kinds == 2):
        return False
    counts = Counter(word)
    bits = -sum(count / len(word) * math.log2(count / len(word)) for count in counts.values())
    return bits > (3.4 if hexadecimal else MOST_BITS)


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """The lines that look as if they held a secret, and what it looks like; never the value."""
    for name, form in KNOWN_FORMS.items():
        for found in re.finditer(form, text):
            yield text.count("\n", 0, found.start()) + 1, name
    for number, line in enumerate(text.splitlines(), 1):
        if HASHES.search(line):
            continue
        for word in LONG_WORD.findall(line):
            if looks_random(word):
                yield number, f"{len(word)} random characters"


PUBLISHED: Final = {
    "the example of RFC 7636, appendix B": ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2Owv"),
}
"""Values that a standard prints, with their reason."""


DIGESTS: Final = {
    Path(
        "tests/documents/test_digest.py"
    ): "digests of example records, which every version must compute alike",
}
"""Files whose random words are hashes of public texts, with their reason."""


def _is_published(path: Path, line: int) -> bool:
    text = text_of(path).splitlines()[line - 1]
    return path in DIGESTS or any(value in text for values in PUBLISHED.values() for value in values)


def test_P22_no_file_of_the_project_looks_as_if_it_held_a_secret() -> None:
    check_nothing_found(
        [
            f"{path}:{line}: {what}"
            for path in project_files()
            for line, what in secrets_in(text_of(path))
            if not _is_published(path, line)
        ]
    )


@pytest.mark.parametrize(
    "before",
    [
        "gh" + "p_",
        "github" + "_pat_",
        "gl" + "pat-",
        "xox" + "b-",
        "sk" + "_live_",
        "sk" + "-ant-",
        "GOC" + "SPX-",
    ],
)
def test_P22_a_secret_of_a_known_form_is_found_and_not_shown(canary: Canary, before: str) -> None:
    secret = canary("planted")
    found = list(secrets_in(f"ordinary words\nKEY = {before}{secret}\n"))
    assert found
    assert {line for line, _ in found} == {2}
    assert secret not in repr(found)


def test_P22_random_words_are_found_and_written_ones_are_not(canary: Canary) -> None:
    import base64
    import os

    for _ in range(50):
        drawn = [base64.b64encode(os.urandom(36)).decode(), os.urandom(32).hex()]
        assert all(list(secrets_in(f'token = "{one}"')) for one in drawn)
    written = "test_A12_an_answer_on_another_path_is_not_taken Step2CallbackListenerOfTheLoopbackInterface1"
    assert not list(secrets_in(written))
    recording = (
        '{"response": {"headers": {"Set-Cookie": "sid=' + base64.b64encode(os.urandom(30)).decode() + '"}}}'
    )
    assert list(secrets_in(recording))


def test_P22_no_recording_of_a_conversation_is_kept() -> None:
    """VCR cassettes and HAR files are where peers lose secrets; ours are made while the tests run."""
    kinds = {".har", ".pcap", ".pcapng", ".cassette", ".keylog"}
    check_nothing_found(
        [
            str(path)
            for path in project_files()
            if path.suffix in kinds or {"cassettes", "vcr_cassettes"} & set(path.parts)
        ]
    )
    assert len(project_files()) > 100
