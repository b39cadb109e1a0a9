"""Run the cases that stand beside mappings: ``cases/NAME.hl7`` and ``NAME.bundle.json``.

``NAME.fhirpath`` may stand beside them: an assertion on each line, true of the Bundle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import orjson

from engine.errors import MessageError
from engine.fhir import bundle
from engine.hl7v2.message import Message
from engine.mapping.cases import differences
from engine.mapping.library import MappingLibrary, load_library
from engine.workbench.feeds import Feed
from engine.workbench.fhirpath import failures

#: The mapping of cases that stand beside the standard library itself.
STANDARD = "standard"


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
    name = case.mapping if case.mapping in library.names else STANDARD
    return Feed(library, name, channel="test")


def _run(case: Case, feed: Feed, update: bool) -> Result:
    try:
        message = Message.read(case.message.read_bytes())
    except MessageError as error:
        return Result(case, (f"the message cannot be read: {error}",))
    mapped = feed.library.mapping(feed.mapping).convert(message, feed.context(message))
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
    expected = orjson.loads(case.bundle.read_bytes())
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
