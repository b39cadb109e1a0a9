"""Messages of files to FHIR, each by itself: one that fails leaves the others alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import MessageError
from engine.fhir import bundle, definitions
from engine.hl7v2.message import Message
from engine.mapping.result import Issue
from engine.workbench.feeds import Feed
from engine.workbench.inputs import Input, messages, names

#: Files handed to a worker at once: large enough to pay for the way there.
_PORTION = 8


@dataclass(frozen=True, slots=True)
class Conversion:
    """How messages are read, mapped and written."""

    feed: Feed
    pretty: bool = False
    #: where the Bundles go; None: they come back
    out: Path | None = None


@dataclass(slots=True)
class Converted:
    """What became of one message."""

    name: str
    bundle: bytes = b""
    failure: str = ""
    issues: list[Issue] = field(default_factory=list)
    hold: str = ""
    #: the entries of the Bundle, while it waits to be written beside those of other messages
    entries: list[dict[str, Any]] = field(default_factory=list)


def convert_all(
    work: Conversion, inputs: Sequence[Input], *, jobs: int = 1
) -> Iterator[list[Converted]]:
    """Convert files in their order, on several processors when there is something to share."""
    if jobs < 2 or len(inputs) < 2:
        yield from (convert_file(work, source) for source in inputs)
        return
    # Forked workers share the compiled mapping; nothing else runs in this process yet.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, context, initializer=_adopt, initargs=(work,)) as pool:
        yield from pool.map(_convert_adopted, inputs, chunksize=_PORTION)


def convert_file(work: Conversion, source: Input) -> list[Converted]:
    """Convert every message of a file; with ``work.out``, write each Bundle there."""
    try:
        found = messages(source.read())
    except OSError as failure:
        return [Converted(str(source.name), failure=f"cannot be read: {failure.strerror}")]
    called = names(str(source.name), len(found))
    results = [convert(work, raw, name) for raw, name in zip(found, called, strict=True)]
    if work.out is not None:
        _write(work.out / f"{source.name}.json", results, pretty=work.pretty)
    return results


def convert(work: Conversion, raw: bytes, name: str) -> Converted:
    """Convert one message."""
    try:
        return _convert(work, raw, Converted(name))
    except MessageError as failure:
        return Converted(name, failure=str(failure))
    except Exception as failure:  # a bug of ours in one message must not cost the others
        return Converted(name, failure=f"an error in mllp-engine, please report: {failure!r}")


def _convert(work: Conversion, raw: bytes, result: Converted) -> Converted:
    feed = work.feed
    message = Message.read(raw, default_charset=feed.charset)
    mapped = feed.library.mapping(feed.mapping, unmapped=feed.unmapped).convert(
        message, feed.context(message)
    )
    result.issues = mapped.issues
    result.hold = mapped.hold or ""
    if mapped.reject:
        result.failure = f"the mapping rejects it: {mapped.reject}"
    else:
        made = bundle.transaction(mapped.resources, write=feed.write)
        result.bundle = bundle.dump(made, pretty=work.pretty)
        result.entries = made["entry"] if work.out is not None else []
    return result


def together(entries: Sequence[dict[str, Any]], *, pretty: bool = False) -> bytes:
    """The resources of several messages as one collection, each once, as the last message has it.

    A list that several messages say holds what either does: nothing that one said is lost.
    """
    made: dict[str, dict[str, Any]] = {}
    for entry in entries:
        url, resource = entry["fullUrl"], entry["resource"]
        earlier = made.get(url, {}).get("resource", {})
        made[url] = {"fullUrl": url, "resource": _after(earlier, resource)}
    collection = {"resourceType": "Bundle", "type": "collection", "entry": list(made.values())}
    return bundle.dump(collection, pretty=pretty)


def _after(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    kind = later["resourceType"]
    # what the last message says of a choice, or of its absence, stands in place of the other
    over = {name for key in later for name in _alternatives(kind, key)}
    made = {key: said for key, said in earlier.items() if key not in over} | later
    for key, said in later.items():
        before = earlier.get(key)
        if isinstance(before, list) and isinstance(said, list) and before != said:
            made[key] = before + [item for item in said if item not in before]
    return made


def _alternatives(kind: str, key: str) -> tuple[str, ...]:
    """The elements of which a resource has only one: value[x], and why there is none (obs-6)."""
    element = definitions.elements(kind).get(key)
    if element is None or not (element.choice_group or key == "dataAbsentReason"):
        return ()
    group = element.choice_group or "value"
    more = ("dataAbsentReason", "component") if kind == "Observation" and group == "value" else ()
    return (*definitions.choices(kind, group), *more)


def _write(path: Path, results: Sequence[Converted], *, pretty: bool) -> None:
    """Write what a file of messages became to one file."""
    made = [result for result in results if result.bundle]
    if not made:
        return
    written = made[0].bundle
    if len(made) > 1:
        written = together([entry for result in made for entry in result.entries], pretty=pretty)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written + b"\n")
    except OSError as failure:
        for result in made:
            result.failure = f"cannot write {path}: {failure.strerror}"
    for result in made:
        result.bundle, result.entries = b"", []


_adopted: Conversion


def _adopt(work: Conversion) -> None:
    global _adopted  # a worker process has one task, given at its start
    _adopted = work


def _convert_adopted(source: Input) -> list[Converted]:
    return convert_file(_adopted, source)
