"""Files, folders and standard input as HL7 v2 messages, for commands that are given messages."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from engine.hl7v2.batch import split
from engine.hl7v2.frame import START, Decoder, Frame, Truncated

STDIN = "-"
#: In a folder, a file with this ending is taken whatever it holds; any other by its beginning.
SUFFIX = ".hl7"
#: How far into a file its beginning is looked for.
_REACH = 1024
_BEGINNINGS = (b"MSH", b"FHS", b"BHS")


@dataclass(frozen=True, slots=True)
class Input:
    """A file of messages: where it is, and what it is called below its folder."""

    path: Path | None  # None: standard input
    name: PurePath

    def read(self) -> bytes:
        """Its bytes."""
        return sys.stdin.buffer.read() if self.path is None else self.path.read_bytes()

    @property
    def size(self) -> int:
        """How many bytes it has, as far as that is known before reading."""
        return 0 if self.path is None else self.path.stat().st_size


def given(paths: Sequence[str]) -> list[Input] | str:
    """What a command was given, standard input when it was nothing; or why it cannot be used."""
    if not paths and sys.stdin.isatty():
        return "name files or folders, or - for standard input"
    missing = [path for path in paths if path != STDIN and not Path(path).exists()]
    if missing:
        return f"there is no {', '.join(missing)}"
    return find(paths or (STDIN,)) or f"there is no message in {', '.join(paths)}"


def find(arguments: Iterable[str]) -> list[Input]:
    """Every file that the arguments mean, a folder's in the order of their names."""
    found: list[Input] = []
    for argument in arguments:
        path = Path(argument)
        if argument == STDIN:
            found.append(Input(None, PurePath("stdin")))
        elif path.is_dir():
            found += _folder(path)
        else:
            found.append(Input(path, PurePath(path.name)))
    return found


def _folder(folder: Path) -> Iterator[Input]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (path.suffix.lower() == SUFFIX or _begins_message(path)):
            yield Input(path, path.relative_to(folder))


def _begins_message(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_REACH)
    return head.removeprefix(BOM_UTF8).lstrip(b"\x0b\r\n\t ").startswith(_BEGINNINGS)


def messages(raw: bytes) -> list[bytes]:
    """The messages of a file: one, several one after another, a batch, or a capture in frames.

    A file in which no message begins is given back whole: whoever reads it says what is wrong.
    """
    found = [message for payload in _payloads(raw) for message in split(payload).messages]
    return found or [raw]


def _payloads(raw: bytes) -> list[bytes]:
    if not raw.lstrip(b"\r\n").startswith(START):
        return [raw]
    decoder = Decoder(max_frame=max(len(raw), 1), tolerant=True)
    events = decoder.feed(raw) + decoder.close()
    return [event.payload for event in events if isinstance(event, Frame | Truncated)]


def names(name: str, count: int) -> list[str]:
    """What the messages of a file are called: the first like it, the others with their number."""
    return [name, *(f"{name}.{number}" for number in range(2, count + 1))]
