"""A command line as words, the way a POSIX shell or the Windows prompt splits it. Nothing is run or looked up.

`shlex` is not enough: it does not know `$'…'`, keeps the line break of a continuation, and does not say whether
`$NAME` stood in single quotes, where it is text, or elsewhere, where it is a variable. Here a variable or a
substitution becomes the placeholder `{{…}}`.
"""

from __future__ import annotations

import re
from typing import Final

from .draft import refused

MOST_WORDS: Final = 2_000
"""Words of one command."""

_CARET_LINE: Final = re.compile(r"\^\r?\n")
_CARET: Final = re.compile(r"\^(.)", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-]")
_ENDS: Final = "|;&<>()"
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_HEXADECIMAL: Final = re.compile(r"x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})")


def words_of(text: str) -> list[str]:
    """The words of the first command in `text`. Raises `DocumentFault` for an open quote and too many words."""
    if _CARET_LINE.search(text) or '^"' in text:
        text = _CARET.sub(r"\1", _CARET_LINE.sub(" ", text))
        return _Splitting(text, windows=True).words()
    return _Splitting(text, windows=False).words()


class _Splitting:
    """Splits one text, character by character."""

    def __init__(self, text: str, *, windows: bool) -> None:
        self._text = text
        self._windows = windows
        self._at = 0
        self._word: list[str] | None = None
        self._words: list[str] = []

    def words(self) -> list[str]:
        """Every word up to the end of the command."""
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if character in " \t\r":
                self._end_word()
            elif character == "\n" or (character in _ENDS and not self._windows):
                self._end_word()
                if self._words:
                    break
            elif character == "#" and self._word is None and not self._windows:
                self._at = (self._text + "\n").index("\n", self._at)
            else:
                self._piece(character)
        self._end_word()
        return self._words

    def _end_word(self) -> None:
        if self._word is not None:
            self._words.append("".join(self._word))
            self._word = None
        if len(self._words) > MOST_WORDS:
            raise refused(f"has more than {MOST_WORDS:,} words.", "Paste one command.")

    def _piece(self, character: str) -> None:
        if character == "\\" and not self._windows and self._text[self._at : self._at + 2] == "\r\n":
            self._at += 2
            return
        if character == "\\" and not self._windows and self._text[self._at : self._at + 1] == "\n":
            self._at += 1
            return
        word = self._word = self._word if self._word is not None else []
        if character == '"':
            self._double(word)
        elif self._windows:
            word.append(character)
        elif character == "'":
            word.append(self._until("'"))
        elif character == "\\":
            word.append(self._text[self._at : self._at + 1])
            self._at += 1
        elif character in "$`":
            self._dollar(word, character, quoted=False)
        else:
            word.append(character)

    def _until(self, end: str) -> str:
        found = self._text.find(end, self._at)
        if found < 0:
            raise refused("has a quote that is not closed.", "Copy the whole command.")
        piece, self._at = self._text[self._at : found], found + 1
        return piece

    def _double(self, word: list[str]) -> None:
        """A piece in double quotes; the opening one has been read."""
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            following = self._text[self._at : self._at + 1]
            if character == '"':
                return
            if character == "\\" and following and following in ('\\"' if self._windows else '\\"$`\n'):
                word.append("" if following == "\n" else following)
                self._at += 1
            elif character in "$`" and not self._windows:
                self._dollar(word, character, quoted=True)
            else:
                word.append(character)
        raise refused("has a quote that is not closed.", "Copy the whole command.")

    def _dollar(self, word: list[str], character: str, *, quoted: bool) -> None:
        """A variable, a substitution, or `$'…'`; `character` has been read."""
        following = self._text[self._at : self._at + 1]
        if character == "`":
            self._until("`")
            word.append("{{substitution}}")
        elif following == "'" and not quoted:
            self._at += 1
            word.append(self._escaped())
        elif following in ("(", "{") and following:
            self._at += 1
            inside = self._until(")" if following == "(" else "}")
            word.append(
                f"{{{{{inside}}}}}" if following == "{" and _NAME.fullmatch(inside) else "{{substitution}}"
            )
        elif name := _NAME.match(self._text, self._at):
            self._at = name.end()
            word.append(f"{{{{{name[0]}}}}}")
        else:
            word.append(character)

    def _escaped(self) -> str:
        """What stands in `$'…'`, with its escapes (POSIX.1-2024 §2.2.4)."""
        found: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if character == "'":
                return "".join(found)
            if character != "\\":
                found.append(character)
                continue
            number = _HEXADECIMAL.match(self._text, self._at)
            if number is not None:
                self._at = number.end()
                digits = number[1] or number[2] or number[3]
                code = int(digits, 16) if digits else int(number[4], 8) & 0xFF
                found.append(chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd")
            else:
                following = self._text[self._at : self._at + 1]
                found.append(_ESCAPES.get(following, following))
                self._at += 1
        raise refused("has a quote that is not closed.", "Copy the whole command.")
