"""Run the cases that stand beside mappings: ``cases/NAME.hl7`` and ``NAME.bundle.json``.

``NAME.fhirpath`` may stand beside them: an assertion on each line, true of the Bundle. How the
messages of a folder are read is said in ``cases/channel.yaml``, in the words of a channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson

from engine.config.keys import CHANNEL as CHANNEL_KEYS
from engine.config.keys import SOURCE
from engine.config.kinds import Block
from engine.documents import load_document
from engine.errors import ConfigurationError, MessageError, Place, Problem
from engine.fhir import bundle
from engine.hl7v2.message import Message
from engine.mapping.cases import differences
from engine.mapping.folders import NOT_UTF8
from engine.mapping.library import MappingLibrary, load_library
from engine.workbench.feeds import Feed, mapping_of
from engine.workbench.fhirpath import failures

#: The mapping of cases that stand beside the standard library itself.
STANDARD = "standard"
#: Beside the cases, for those of a folder that their channel reads otherwise than UTF-8 and UTC.
CHANNEL = "channel.yaml"

_READING = Block(
    tuple(replace(key, required=False) for key in (*SOURCE.keys, *CHANNEL_KEYS.keys)
          if key.name in ("charset", "timezone", "assigner", "unmapped")),
    dict,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One message and where its Bundle stands."""

    mapping: str
    message: Path

    @property
    def bundle(self) -> Path:
        """The expected Bundle."""
        return self.message.with_suffix(".bundle.json")

    @property
    def assertions(self) -> Path:
        """What else must be true of it."""
        return self.message.with_suffix(".fhirpath")

    @property
    def channel(self) -> Path:
        """How the messages of its folder are read."""
        return self.message.with_name(CHANNEL)

    @property
    def name(self) -> str:
        """mapping/NAME."""
        return f"{self.mapping}/{self.message.stem}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case: no trouble, or what is wrong, one text for each."""

    case: Case
    trouble: tuple[str, ...] = ()
    updated: bool = False


def find(folder: Path) -> list[Case]:
    """Every case below a folder of mappings, or of one mapping."""
    return [
        Case(message.parent.parent.name, message) for message in sorted(folder.rglob("cases/*.hl7"))
    ]


def run(cases: list[Case], *, update: bool = False) -> Iterator[Result]:
    """Run cases; ``update`` writes what comes out as what is expected."""
    library = library_of(cases)
    for case in cases:
        yield _run(case, feed_of(case, library), update)


def library_of(cases: list[Case]) -> MappingLibrary:
    """The mappings that the cases stand beside."""
    return load_library(sorted({case.message.parent.parent.parent for case in cases}))


def feed_of(case: Case, library: MappingLibrary) -> Feed:
    """A case's own mapping, or the standard's where the folder is called otherwise."""
    name = mapping_of(case.message.parent.parent)
    feed = Feed(library, name if name in library.names else STANDARD, channel="test")
    return replace(feed, **_reading(case.channel)) if case.channel.is_file() else feed


def _reading(file: Path) -> dict[str, Any]:
    """What ``channel.yaml`` says.

    Raises:
        ConfigurationError: every problem of it.

    """
    problems: list[Problem] = []

    def fail(place: Place, what: str, instead: str | None = None) -> None:
        problems.append(Problem(place, what, instead))

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(Place(str(file), 1, 1), *NOT_UTF8)]) from None
    read: dict[str, Any] = _READING.read(load_document(text, str(file)), fail) or {}
    if problems:
        raise ConfigurationError(problems)
    return read


def message_of(case: Case, feed: Feed) -> Message:
    """The message of a case, in the character set of its feed.

    Raises:
        MessageError: it cannot be read.

    """
    return Message.read(case.message.read_bytes(), default_charset=feed.charset)


def _run(case: Case, feed: Feed, update: bool) -> Result:
    try:
        message = message_of(case, feed)
    except MessageError as error:
        return Result(case, (f"the message cannot be read: {error}",))
    mapping = feed.library.mapping(feed.mapping, unmapped=feed.unmapped)
    mapped = mapping.convert(message, feed.context(message))
    made = bundle.dump(bundle.transaction(mapped.resources))
    trouble = failures(case.assertions, made) if case.assertions.is_file() else []
    if update:
        text = orjson.dumps(orjson.loads(made), option=orjson.OPT_INDENT_2) + b"\n"
        changed = not case.bundle.is_file() or case.bundle.read_bytes() != text
        if changed:
            case.bundle.write_bytes(text)
        return Result(case, tuple(trouble), updated=changed)
    if not case.bundle.is_file():
        return Result(case, (f"there is no {case.bundle.name}; --update writes it", *trouble))
    try:
        expected = orjson.loads(case.bundle.read_bytes())
    except orjson.JSONDecodeError as error:
        what = f"{case.bundle.name} is not JSON: {error}; --update writes it anew"
        return Result(case, (what, *trouble))
    if not isinstance(expected, dict) or expected.get("resourceType") != "Bundle":
        what = f"{case.bundle.name} is no Bundle; --update writes it anew"
        return Result(case, (what, *trouble))
    return Result(case, (*map(str, differences(expected, orjson.loads(made))), *trouble))


def junit(results: list[Result]) -> str:
    """The results as JUnit's XML."""
    failed = sum(bool(result.trouble) for result in results)
    suite = ElementTree.Element(
        "testsuite", name="mllp-engine test", tests=str(len(results)), failures=str(failed)
    )
    for result in results:
        case = ElementTree.SubElement(
            suite, "testcase", classname=result.case.mapping, name=result.case.message.stem
        )
        if result.trouble:
            failure = ElementTree.SubElement(case, "failure", message=result.trouble[0])
            failure.text = "\n".join(result.trouble)
    return ElementTree.tostring(suite, encoding="unicode")
