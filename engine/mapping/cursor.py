"""A cursor over one line of the mapping language: words, signs and names."""

from __future__ import annotations

import re
from typing import NoReturn

from engine.errors import ConfigurationError, Place, Problem

SEGMENT_REF = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)")
RELATIVE_REF = re.compile(r"([A-Z][A-Z0-9]{0,3})?\.(?=\d|$|[\s,)\]])")
NUMBERS = re.compile(r"\.?(\d+)(?:\.(\d+))?")
WORD = re.compile(r"[^\s,()\[\]]+")
CALL = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\(")
CODE = re.compile(r"([A-Za-z][\w.:/-]*)#(\S+)")
NAME = re.compile(r"[A-Za-z$][\w./-]*")


class Cursor:
    """A cursor over one line of the language."""

    def __init__(self, text: str, place: Place | None) -> None:
        self.text = text
        self.place = place
        self.at = 0

    def fail(self, what: str, instead: str | None = None) -> NoReturn:
        """Refuse what stands here."""
        raise ConfigurationError([Problem(self.here(), what, instead)])

    def here(self) -> Place | None:
        """Where the cursor stands, in the file."""
        self.blanks()
        place = self.place
        return place and Place(place.file, place.line, place.column + self.at)

    def blanks(self) -> None:
        """Pass over blanks."""
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    @property
    def rest(self) -> str:
        """What is not read yet."""
        return self.text[self.at :]

    def done(self) -> bool:
        """Whether nothing is left."""
        self.blanks()
        return self.at >= len(self.text)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what a pattern matches here."""
        self.blanks()
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def word(self, *words: str) -> bool:
        """Take these words, in this order, when they come next."""
        self.blanks()
        pattern = r"\s+".join(map(re.escape, words)) + r"(?=[\s,()\[\]]|$)"
        match = re.compile(pattern).match(self.text, self.at)
        if match:
            self.at = match.end()
        return bool(match)

    def sign(self, sign: str) -> bool:
        """Take a sign when it comes next."""
        self.blanks()
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def expect(self, sign: str) -> None:
        """Take a sign that must come next."""
        if not self.sign(sign):
            rest = self.rest[:20]
            self.fail(f"expected '{sign}' " + (f"before '{rest}'" if rest else "at the end"))


def finish(cursor: Cursor) -> None:
    """Refuse what is left over at the end of a line."""
    if not cursor.done():
        cursor.fail(f"'{cursor.rest}' is left over here")


def name(cursor: Cursor, word: str, example: str) -> str:
    """The name that a word asks for: ``via AdministrativeSex``."""
    match = cursor.take(NAME)
    if not match:
        cursor.fail(f"'{word}' needs a name", f"write it like: {example}")
    return match[0]


def plain(cursor: Cursor) -> str:
    """A word, or text in double quotes; ``=`` before it is allowed and means nothing more."""
    cursor.sign("=")
    quoted = cursor.take(re.compile(r'"((?:[^"\\]|\\.)*)"'))
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    word = cursor.take(WORD)
    if not word:
        cursor.fail("a value is missing here", 'write a word, or text in quotes: "two words"')
    return word[0]
