"""Coverage of a sample of what each channel received: for metrics, by a process of its own.

``python -m engine.workbench.survey FOLDER`` reads ``{channel: number of the last message that was
looked at}`` on standard input and writes, as JSON, what became of the values of the newest messages
after it. It shares nothing with the engine but the store, which it only reads, and gives way to
whatever else wants the processor. When it fails it says where, and no more: the engine logs it.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from engine.config import Channel, load_configuration
from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.lifecycle import Outcome
from engine.mapping.library import MappingLibrary, load_library
from engine.store.reader import Reader
from engine.store.search import Search
from engine.workbench.coverage import Coverage
from engine.workbench.feeds import Feed

#: Messages of one channel that are looked at in one go, the newest.
AT_MOST = 50
_FIELD = re.compile(r"[A-Z][A-Z0-9]{2}-\d{1,3}")


def survey(folder: Path, after: dict[str, int]) -> dict[str, Any]:
    """What became of each channel's newest messages, and the last one that was looked at."""
    configuration = load_configuration(folder)
    library = load_library([folder / "mappings"])
    told = {}
    with Reader(configuration.engine.store) as reader:
        for channel in configuration.channels:
            search = Search(channel=channel.name, outcome=Outcome.ACCEPTED, limit=AT_MOST)
            numbers = [n for n in reader.numbers(search) if n > after.get(channel.name, 0)]
            if numbers:
                totals = _totals(library, channel, [reader.raw(number) for number in numbers])
                told[channel.name] = {"last": numbers[0], **_plain(totals)}
    return told


def _totals(library: MappingLibrary, channel: Channel, raws: list[bytes | None]) -> Coverage:
    feed = Feed(library, channel.mapping, channel.timezone, channel.charset, channel.name,
                channel.assigner)  # fmt: skip
    tracing = library.tracing(channel.mapping)
    totals = Coverage()
    for raw in raws:
        try:
            message = Message.read(raw or b"", default_charset=channel.charset)
        except MessageError:
            continue  # purged meanwhile, or of another character set than now
        # one message that cannot be explained must not take the others out of sight
        with suppress(Exception):
            totals.add(tracing.explain(message, feed.context(message)), "")
    return totals


def _plain(totals: Coverage) -> dict[str, Any]:
    """Counts by fate and by unmapped field; no value, and no name but a field's, leaves here."""
    fields: Counter[str] = Counter()
    for path, count in totals.left():
        field = path.partition(".")[0]
        fields[field if _FIELD.fullmatch(field) else "other"] += count.fates["unmapped"]
    return {"values": dict(totals.fates), "unmapped": dict(fields)}


def give_way() -> None:
    """Let everything else go first, where that may be asked: the systemd unit forbids the call."""
    with suppress(OSError):
        os.nice(19)


def where(failure: BaseException) -> str:
    """The type of a failure and its place in the code; its text may quote a message."""
    frame = traceback.extract_tb(failure.__traceback__)[-1]
    return f"{type(failure).__name__} at {frame.filename}:{frame.lineno}"


def main() -> None:
    """Read what was looked at, look, and write what there was."""
    give_way()
    try:
        told = survey(Path(sys.argv[1]), orjson.loads(sys.stdin.buffer.read()))
    except Exception as failure:
        sys.exit(where(failure))
    sys.stdout.buffer.write(orjson.dumps(told))


if __name__ == "__main__":
    main()
