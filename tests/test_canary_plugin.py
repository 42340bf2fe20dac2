"""The canary plugin catches what it says it catches: each encoding of row F8 and each sink of row P1."""

from __future__ import annotations

import base64
import textwrap

import pytest

from tests.canary_encodings import MARK, MARK_NEEDLES, TEXT_FORMS, Haystack, needles
from tests.canary_watch import HARD_TAIL, Canary

VALUES = {
    "plain": MARK + "0123456789abcdef01234567",
    "hard": MARK + "0123456789abcdef01234567" + HARD_TAIL,
}

PREAMBLE = """
import base64, json, logging, os, sqlite3, subprocess, sys, warnings
import click, click.testing, pytest
"""

PRINT_STDIN = (
    'subprocess.run([sys.executable, "-c", "print(input())"], input=canary("label"), text=True{more})'
)

SINKS: dict[str, tuple[str, str]] = {
    "print": ('print("token", canary("label"))', "label in stdout (raw)"),
    "print to stderr": ('print(canary("label"), file=sys.stderr)', "label in stderr (raw)"),
    "file descriptor": ('os.write(1, canary("label").encode())', "label in stdout (raw)"),
    "child that inherits stdout": (PRINT_STDIN.format(more=""), "label in stdout (raw)"),
    "child that is read": (PRINT_STDIN.format(more=", capture_output=True"), "label in stdout (raw)"),
    "child's argument": ('subprocess.run(["true", canary("label")])', "label in argv (raw)"),
    "what capsys read": ('print(canary("label"))\ncapsys.readouterr()', "label in stdout (raw)"),
    "click's runner": (
        (
            'value = canary("label")\ncommand = click.command()(lambda: click.echo(value))\n'
            "click.testing.CliRunner().invoke(command)"
        ),
        "label in stdout (raw)",
    ),
    "log message": ('logging.getLogger("a.b").debug(canary("label"))', "label in log (raw)"),
    "log argument": ('logging.getLogger("a").debug("%d items", len([canary("label")]), extra={})', ""),
    "log argument of a mapping": (
        'logging.debug("%(a)s", {"a": 1, "b": canary("label")})',
        "label in log (raw)",
    ),
    "log extra": ('logging.debug("x", extra={"answer": canary("label")})', "label in log (raw)"),
    "log traceback": (
        'try:\n    raise ValueError(canary("label"))\nexcept ValueError:\n    logging.debug("x", exc_info=True)',
        "label in log (raw)",
    ),
    "caught exception": (
        'with pytest.raises(ValueError):\n    raise ValueError(canary("label"))',
        "label in exception (raw)",
    ),
    "caught group": (
        'with pytest.RaisesGroup(ValueError):\n    raise ExceptionGroup("x", [ValueError(canary("label"))])',
        "label in exception (raw)",
    ),
    "cause of a caught exception": (
        (
            'with pytest.raises(ValueError):\n    try:\n        raise KeyError(canary("label"))\n'
            '    except KeyError as error:\n        raise ValueError("x") from error'
        ),
        "label in exception (raw)",
    ),
    "attribute of a caught exception": (
        'error = ValueError("x")\nerror.body = canary("label")\nwith pytest.raises(ValueError):\n    raise error',
        "label in exception (raw)",
    ),
    "note of a caught exception": (
        'error = ValueError("x")\nerror.add_note(canary("label"))\nwith pytest.raises(ValueError):\n    raise error',
        "label in exception (raw)",
    ),
    "uncaught exception": ('raise ValueError(canary("label"))', "label in exception (raw)"),
    "caught warning": (
        'with pytest.warns(UserWarning):\n    warnings.warn(canary("label"))',
        "label in warning (raw)",
    ),
    "file": ('(tmp_path / "out.json").write_text(canary("label"))', "label in file:out.json (raw)"),
    "file below": (
        '(tmp_path / "a").mkdir()\n(tmp_path / "a" / "b").write_text(canary("label"))',
        "label in file:a/b (raw)",
    ),
    "file name": ('(tmp_path / canary("label")).touch()', "label in file:«label» (raw)"),
    "write-ahead log": (
        (
            'base = sqlite3.connect(tmp_path / "s.db", isolation_level=None)\n'
            'base.execute("pragma journal_mode=wal")\nbase.execute("create table t (v)")\n'
            'base.execute("insert into t values (?)", (canary("label"),))\n'
            '(tmp_path / "kept-wal").write_bytes((tmp_path / "s.db-wal").read_bytes())\nbase.close()'
        ),
        "label in file:kept-wal (raw)",
    ),
    "watched folder": (
        (
            "import tempfile, pathlib\nfolder = pathlib.Path(tempfile.mkdtemp(dir=tmp_path.parent))\n"
            'canary.watch_directory(folder)\n(folder / "f").write_text(canary("label"))'
        ),
        "label in file:f (raw)",
    ),
    "watched value": ('print(canary.watch("made-by-a-server", "label"))', "label in stdout (raw)"),
    "watched bytes": (
        'print(canary.watch_bytes(bytes(range(200, 232)), "label").hex())',
        "label in stdout (hexa",
    ),
    "value made for a fake": ("print(canary.make())", "made in stdout (raw)"),
    "explicit scan": ('canary.scan("x=" + canary("label"), "audit row")', "label in audit row (raw)"),
    "table of a terminal": (
        'value = canary("label")\nprint("│ \\x1b[1m" + value[:9] + " │\\n│ " + value[9:] + " │")',
        "label in stdout (raw, split by white space)",
    ),
}
"""For each sink: the body of a test that leaks into it, and what must be said. Empty: nothing leaked."""


def run_inner(pytester: pytest.Pytester, body: str, *options: str) -> tuple[pytest.RunResult, str]:
    """Run one test whose body is `body` under the plugin. Returns the result and all that was printed."""
    lines = textwrap.indent(body, "    ")
    pytester.makepyfile(f"{PREAMBLE}\n\ndef test_inner(canary, tmp_path, capsys):\n{lines}\n")
    result = pytester.runpytest_inprocess("-p", "tests.canary", "-p", "no:cacheprovider", *options)
    return result, result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("sink", SINKS)
def test_P1_a_secret_in_a_sink_fails_the_test_and_is_not_printed(
    pytester: pytest.Pytester, sink: str
) -> None:
    """Each sink of row P1, raw. The failure names label, sink and encoding, and the report holds no value."""
    body, expected = SINKS[sink]
    result, printed = run_inner(pytester, body)
    if not expected:
        result.assert_outcomes(passed=1)
        return
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert expected in printed
    assert MARK not in printed
    assert "made-by-a-server" not in printed


@pytest.mark.parametrize("alphabet", VALUES)
@pytest.mark.parametrize("form", TEXT_FORMS)
def test_F8_each_text_form_is_found_in_the_middle_of_a_text(form: str, alphabet: str) -> None:
    value = VALUES[alphabet]
    text = "before " + TEXT_FORMS[form](value) + " after"
    assert Haystack(text).has_any(needles(value))
    assert Haystack(text).has_any(MARK_NEEDLES), "the quick look must not miss what the long one finds"


@pytest.mark.parametrize("alphabet", VALUES)
@pytest.mark.parametrize("lead", range(4))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_F8_base64_is_found_in_every_alignment(encode: type[bytes], lead: int, alphabet: str) -> None:
    """Also broken into lines of 76 characters, as MIME does."""
    value = VALUES[alphabet]
    text = encode(b"identifier-of-some-client:and-a-long-line"[:lead] + value.encode() * 2)
    assert (Haystack(text).encoding_of(needles(value)) or "").startswith("base64")
    assert Haystack(text).has_any(MARK_NEEDLES)


@pytest.mark.parametrize("alphabet", VALUES)
def test_F8_a_line_wrap_does_not_hide_a_secret(alphabet: str) -> None:
    value = VALUES[alphabet]
    wrapped = "\n    ".join(value[start : start + 7] for start in range(0, len(value), 7))
    assert "split by white space" in (Haystack(wrapped).encoding_of(needles(value)) or "")


def test_F8_a_text_without_the_secret_is_clean() -> None:
    other = MARK + "ffffffffffffffffffffffff"
    assert Haystack(f"x {other} y").encoding_of(needles(VALUES["plain"])) is None
    assert not Haystack("nothing of the kind").has_any(MARK_NEEDLES)


def test_P1_an_allowed_sink_may_show_the_value_and_no_other(pytester: pytest.Pytester) -> None:
    body = 'value = canary("label")\ncanary.allow(value, sink="stdout")\nprint(value)'
    run_inner(pytester, body)[0].assert_outcomes(passed=1)
    result, printed = run_inner(pytester, body + "\nprint(value, file=sys.stderr)")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "label in stderr" in printed
    assert "label in stdout" not in printed


@pytest.mark.parametrize(
    ("allowed", "passes"), [("file", True), ("file:r.yaml", True), ("file:other.yaml", False)]
)
def test_P1_an_allowed_file_may_hold_the_value_and_no_other(
    pytester: pytest.Pytester, allowed: str, passes: bool
) -> None:
    body = (
        f'value = canary("label")\ncanary.allow(value, sink="{allowed}")\n'
        '(tmp_path / "in").mkdir()\n(tmp_path / "in" / "r.yaml").write_text(value)'
    )
    result, printed = run_inner(pytester, body)
    assert (result.ret == pytest.ExitCode.OK) is passes
    assert ("label in file:in/r.yaml" in printed) is not passes


def test_P5_a_failed_assertion_and_its_arguments_do_not_print_the_secret(pytester: pytest.Pytester) -> None:
    """Not even with -l, which shows the locals of every frame."""
    body = (
        'value = canary("a secret")\nprint(value)\n'
        "def send(body):\n    assert body == value[::-1] + 'x' * 400\nsend('body=' + value)"
    )
    result, printed = run_inner(pytester, body, "-l")
    result.assert_outcomes(failed=1, errors=1)
    assert MARK not in printed
    assert MARK[::-1] not in printed
    assert "«a secret»" in printed


def test_P1_a_warning_that_nobody_caught_fails_the_session(pytester: pytest.Pytester) -> None:
    """pytest hands such warnings over when the test has been reported."""
    result, printed = run_inner(pytester, 'warnings.warn(canary("label"))', "-Wdefault")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "label in warning (raw)" in printed
    assert MARK not in printed


def test_P1_what_a_session_fixture_made_is_looked_for_in_later_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session")
        def server_secret(session_canary):
            return session_canary("server secret")

        def test_first(server_secret):
            pass

        def test_second(server_secret):
            print(server_secret)
        """
    )
    result = pytester.runpytest_inprocess("-p", "tests.canary", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    assert "server secret in stdout (raw)" in result.stdout.str()


def test_a_canary_is_unique_long_and_url_safe(canary: Canary) -> None:
    made = {canary("one") for _ in range(50)}
    assert len(made) == 50
    assert all(len(value) >= 24 and value.isascii() and value.isalnum() for value in made)
    assert all(character in canary("two", alphabet="hard") for character in "+/%&#:é")


def test_values_that_chance_would_find_and_unknown_values_are_refused(canary: Canary) -> None:
    with pytest.raises(ValueError, match="8 characters"):
        canary.watch("admin")
    with pytest.raises(ValueError, match="made or watches"):
        canary.allow("never made here", sink="stdout")
