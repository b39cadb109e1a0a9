"""Messages of files to FHIR, each by itself: one that fails leaves the others alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Protocol

from engine.errors import MessageError
from engine.fhir import bundle
from engine.hl7v2.message import Message
from engine.mapping import dates
from engine.mapping.result import Context, Issue, Mapped
from engine.mapping.unconvertible import Unconvertible
from engine.workbench.inputs import Input, messages, names

#: Files handed to a worker at once: large enough to pay for the way there.
_PORTION = 8
#: The receipt time of a message that nobody received and that does not say when it was made:
#: the same for ever, and plainly no real time.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Converts(Protocol):
    """A compiled mapping, as far as it is needed here."""

    def convert(self, message: Message, context: Context) -> Mapped:
        """Map one message."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How messages are read, mapped and written."""

    mapping: Converts
    timezone: tzinfo
    charset: str = "utf-8"
    channel: str = "convert"
    assigner: Mapping[str, str] = field(default_factory=dict)
    write: str = "upsert"
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
        for result in results:
            _write(work.out / f"{result.name}.json", result)
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
    message = Message.read(raw, default_charset=work.charset)
    mapped = work.mapping.convert(message, _context(work, message))
    result.issues = mapped.issues
    result.hold = mapped.hold or ""
    if mapped.reject:
        result.failure = f"the mapping rejects it: {mapped.reject}"
    else:
        made = bundle.transaction(mapped.resources, write=work.write)
        result.bundle = bundle.dump(made, pretty=work.pretty)
    return result


def _context(work: Conversion, message: Message) -> Context:
    sent = sent_at(message, work.timezone) or NO_TIME
    return Context(work.timezone, sent, work.channel, work.assigner)


def sent_at(message: Message, zone: tzinfo) -> datetime | None:
    """MSH-7 as a moment; None when it is none."""
    try:
        text = dates.date_time(message.value("MSH-7"), zone)
        if not text:
            return None
        moment = datetime.fromisoformat(text + "-01" * (2 - text[:10].count("-")))
    except (Unconvertible, ValueError):  # no such moment; or a leap second, which Python lacks
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _write(path: Path, result: Converted) -> None:
    if not result.bundle:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(result.bundle + b"\n")
    except OSError as failure:
        result.failure = f"cannot write {path}: {failure.strerror}"
    result.bundle = b""


_adopted: Conversion


def _adopt(work: Conversion) -> None:
    global _adopted  # a worker process has one task, given at its start
    _adopted = work


def _convert_adopted(source: Input) -> list[Converted]:
    return convert_file(_adopted, source)
