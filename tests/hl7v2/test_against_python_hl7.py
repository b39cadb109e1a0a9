"""Our reader and python-hl7's must see the same in every message of the corpus."""

import re
from collections.abc import Iterator

import hl7
import pytest

from engine.hl7v2.delimiters import Delimiters
from engine.hl7v2.message import Message, Segment
from tests.corpus import CorpusFile, corpus_files

#: What python-hl7 takes each encoding character for, by its place in MSH-2.
REGULAR = {"^~\\&", "^~\\&#", "#$!@"}

WELL_ESCAPED = re.compile(r"(?:[^\\]|\\[A-Z.][^\\]*\\)*")


def theirs(message: Message) -> list[hl7.Segment]:
    """python-hl7's segments; the guard at the end keeps it from stripping the last one."""
    return list(hl7.parse("\r".join([*(s.text for s in message.segments), "ZZZ"])))[:-1]


def fields_of(segment: hl7.Segment) -> list[str]:
    return [str(field) for field in segment]


def parts_of(segment: hl7.Segment, number: int) -> list[list[list[str]]]:
    """Repetitions, components and subcomponents of a field, as python-hl7 nests them."""
    field = segment[number]
    return [
        [
            [str(sub) for sub in component]
            if isinstance(component, hl7.Component)
            else [str(component)]
            for component in (
                repetition if isinstance(repetition, hl7.Repetition) else [repetition]
            )
        ]
        for repetition in field
    ]


def split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


def our_parts(text: str, delimiters: Delimiters) -> list[list[list[str]]]:
    return [
        [
            split(component, delimiters.subcomponent)
            for component in split(repetition, delimiters.component)
        ]
        for repetition in split(text, delimiters.repetition)
    ]


def bare_header(segment: Segment) -> bool:
    """``FHS|`` with nothing behind it, of which python-hl7 makes five fields."""
    return segment.name in ("MSH", "FHS", "BHS") and len(segment.fields) <= 3


def check(segment: Segment, other: hl7.Segment, delimiters: Delimiters, name: str) -> None:
    place = f"{name}: segment {segment.index}"
    if bare_header(segment):
        return
    assert segment.fields == fields_of(other), place
    header = segment.name in ("MSH", "FHS", "BHS")
    for number in range(3 if header else 1, len(segment.fields)):
        parts = parts_of(other, number)
        assert our_parts(segment.fields[number], delimiters) == parts, f"{place}, field {number}"
        for r, repetition in enumerate(parts, 1):
            for c, component in enumerate(repetition, 1):
                for s, sub in enumerate(component, 1):
                    if delimiters.escape not in sub:
                        assert segment.value(number, r, c, s) == sub, f"{place}, field {number}"


def regular(files: list[CorpusFile]) -> list[CorpusFile]:
    """Without the few whose MSH-2 python-hl7 reads by its places alone."""
    return [file for file in files if file.encoding_characters in REGULAR]


@pytest.fixture
def files() -> list[CorpusFile]:
    return list(corpus_files())


def test_both_readers_see_the_same_fields_and_parts(files: list[CorpusFile]) -> None:
    read = regular(files)
    assert len(read) > 0.95 * len(files)
    for file in read:
        message = Message.read(file.raw)
        other = theirs(message)
        assert len(message.segments) == len(other), file.name
        for segment, their_segment in zip(message.segments, other, strict=True):
            check(segment, their_segment, message.delimiters, file.name)


def escaped_values(message: Message) -> Iterator[str]:
    """Every raw value that holds an escape character."""
    component, repetition, mark = (message.delimiters[n] for n in (1, 2, 3))
    for segment in message.segments:
        header = segment.name in ("MSH", "FHS", "BHS")
        for field in segment.fields[3 if header else 1 :]:
            for value in field.replace(repetition, component).split(component):
                if mark in value:
                    yield value


def test_both_readers_decode_the_same_text(files: list[CorpusFile]) -> None:
    compared = 0
    for file in regular(files):
        message = Message.read(file.raw)
        for value in escaped_values(message):
            if not WELL_ESCAPED.fullmatch(value):
                continue  # python-hl7 drops the rest; we keep it
            other = hl7.parse(message.segments[0].text).unescape(value)
            # A line break is CR for python-hl7; ours is LF, as FHIR's strings have it.
            ours = message.unescape(value).replace("\r", "\n")
            assert ours == other.replace("\r", "\n"), file.name
            compared += 1
    assert compared > 50


def test_every_message_of_the_corpus_is_read_and_nothing_of_it_is_lost(
    files: list[CorpusFile],
) -> None:
    for file in files:
        message = Message.read(file.raw)
        letters = "".join(message.text.split())
        assert "".join("".join(s.text for s in message.segments).split()) == letters, file.name
        assert message.text_of("MSH-12").partition("^")[0] == message.version, file.name
        for segment in message.segments:
            assert segment.text.split(message.delimiters.field)[0] == segment.name, file.name
