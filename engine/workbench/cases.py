"""Run the cases that stand beside mappings: ``cases/NAME.hl7`` and ``NAME.bundle.json``."""

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
from engine.mapping.library import load_library
from engine.workbench.feeds import Feed

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
    def name(self) -> str:
        """mapping/NAME."""
        return f"{self.mapping}/{self.message.stem}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case: no trouble, or what is wrong line by line."""

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
    library = load_library(sorted({case.message.parent.parent.parent for case in cases}))
    for case in cases:
        name = case.mapping if case.mapping in library.names else STANDARD
        yield _run(case, Feed(library, name, channel="test"), update)


def _run(case: Case, feed: Feed, update: bool) -> Result:
    try:
        message = Message.read(case.message.read_bytes())
    except MessageError as error:
        return Result(case, (f"the message cannot be read: {error}",))
    mapped = feed.library.mapping(feed.mapping).convert(message, feed.context(message))
    made = bundle.dump(bundle.transaction(mapped.resources))
    if update:
        case.bundle.write_bytes(
            orjson.dumps(orjson.loads(made), option=orjson.OPT_INDENT_2) + b"\n"
        )
        return Result(case, updated=True)
    if not case.bundle.is_file():
        return Result(case, (f"there is no {case.bundle.name}; --update writes it",))
    expected = orjson.loads(case.bundle.read_bytes())
    return Result(case, tuple(map(str, differences(expected, orjson.loads(made)))))


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
