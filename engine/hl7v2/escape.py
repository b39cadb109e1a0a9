r"""The escape sequences of a value: ``\F\`` is a field separator, ``\.br\`` a line break.

HL7 v2 chapter 2.7. They are decoded once, when a value is read; a sequence that cannot be
decoded (another character set, a site's own, a backslash that was never escaped) stays in the
value as it was written, because dropping it would lose data.
"""

from __future__ import annotations

from functools import lru_cache

from engine.hl7v2.delimiters import STANDARD, Delimiters

#: Chapter 2.7.6: formatting commands of FT as plain text; a number after them repeats it.
_FORMATTING = {
    "br": "\n",
    "sp": "\n",
    "ce": "\n",
    "sk": " ",
    "fi": "",
    "nf": "",
    "in": "",
    "ti": "",
}
#: A longer run of blank lines or spaces than a page holds is a fault, or an attack.
_LONGEST_RUN = 100


@lru_cache(maxsize=256)
def _letters(delimiters: Delimiters) -> dict[str, str]:
    """What each one-letter sequence stands for."""
    table = {
        "F": delimiters.field,
        "S": delimiters.component,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "T": delimiters.subcomponent,
        "P": delimiters.truncation,
    }
    known = {letter: text for letter, text in table.items() if text}
    return known | {"H": "", "N": ""}  # highlighting starts and ends: no text of its own


def unescape(value: str, delimiters: Delimiters = STANDARD, charset: str = "utf-8") -> str:
    r"""The text that a raw value stands for; ``charset`` is what ``\Xhh\`` bytes are in."""
    mark = delimiters.escape
    if not mark or mark not in value:
        return value
    pieces = value.split(mark)
    letters = _letters(delimiters)
    out = [pieces[0]]
    last, at = len(pieces) - 1, 1
    while at < last:  # pieces[at] stands between two escape characters
        body = pieces[at]
        text = letters.get(body)
        if text is None and body[:1] == "X":
            raw, at = _run_of_bytes(pieces, at)
            if raw:
                out += (_decoded(raw, charset, mark), pieces[at - 1])
                continue
        if text is None and body[:1] == ".":
            text = _formatted(body)
        if text is not None:
            out += (text, pieces[at + 1])
            at += 2
        elif body.isalnum():  # a sequence of somebody else's: keep both of its marks
            out += (mark, body, mark, pieces[at + 1])
            at += 2
        else:  # no sequence: this mark is text, and the next one may open a real sequence
            out += (mark, body)
            at += 1
    if at == last:
        out += (mark, pieces[last])
    return "".join(out)


def _run_of_bytes(pieces: list[str], at: int) -> tuple[bytes, int]:
    """The bytes of adjacent X sequences, over which a character may be spread; what follows."""
    run = bytearray()
    while at < len(pieces) - 1 and (found := _bytes(pieces[at])):
        run += found
        at += 2
        if pieces[at - 1]:
            break
    return bytes(run), at


def _bytes(body: str) -> bytes:
    """The bytes that ``Xhh..`` says, none when it is no such sequence."""
    try:
        return bytes.fromhex(body[1:]) if body[:1] == "X" else b""
    except ValueError:
        return b""


def _decoded(hexed: bytes, charset: str, mark: str) -> str:
    try:
        return hexed.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return f"{mark}X{hexed.hex().upper()}{mark}"


def _formatted(body: str) -> str | None:
    """A formatting command as plain text, None when it is none."""
    command, count = body[1:3].lower(), body[3:].strip().lstrip("+-")
    text = _FORMATTING.get(command)
    if text is None or (count and not (count.isascii() and count.isdigit())):
        return None
    if count and command in ("sp", "sk"):
        return text * min(int(count[:4]), _LONGEST_RUN)
    return text


def escape(text: str, delimiters: Delimiters = STANDARD) -> str:
    r"""The raw value that stands for a text; line breaks become ``\.br\``.

    A delimiter that cannot be escaped, because the message has no escape character, becomes a
    blank: it must not change what the message says.
    """
    mark = delimiters.escape
    table = _escapes(delimiters)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(table).replace("\n", f"{mark}.br{mark}" if mark else " ")


@lru_cache(maxsize=256)
def _escapes(delimiters: Delimiters) -> dict[int, str]:
    mark = delimiters.escape
    letters = _letters(delimiters)
    table = {
        ord(text): f"{mark}{letter}{mark}" if mark else " "
        for letter, text in letters.items()
        if text
    }
    # Control characters would end the frame (VT, FS) or confuse a reader; LF is handled above.
    return {code: " " for code in range(32) if code != 10} | table
