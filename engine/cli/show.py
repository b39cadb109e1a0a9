"""Messages, answers and FHIR in colour."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import unquote

import orjson
from rich.highlighter import JSONHighlighter
from rich.text import Text

from engine.errors import MessageError
from engine.hl7v2.ack import AckCode
from engine.hl7v2.message import Message

_CODES = {code.value: "bold green" if code.positive else "bold red" for code in AckCode}
_JSON = JSONHighlighter()
_PROVENANCE = ("MessageHeader", "DocumentReference", "Provenance")
_LONGEST = 300


def hl7(raw: bytes) -> Text:
    """A message, a segment per line; names and delimiters stand out."""
    try:
        message = Message.read(raw)
    except MessageError:
        return Text(raw.decode("utf-8", "replace"))
    separators = message.delimiters.field + message.delimiters.component
    separators += message.delimiters.repetition + message.delimiters.subcomponent
    lines = [_segment(segment.text, separators) for segment in message.segments]
    return Text("\n").join(lines)


def _segment(text: str, separators: str) -> Text:
    line = Text(text)
    line.stylize("bold cyan", 0, 3)
    for at, character in enumerate(text):
        if character in separators:
            line.stylize("dim", at, at + 1)
    return line


def answer(raw: bytes) -> Text:
    """An acknowledgement, whose code is green or red."""
    text = hl7(raw)
    for code, style in _CODES.items():
        text.highlight_regex(rf"(?<=MSA\|){code}\b", style)
    return text


def fhir(bundle: dict[str, Any]) -> Text:
    """A transaction Bundle: how each resource is written, and what it says.

    What only says where the message came from is counted, not shown.
    """
    entries = bundle.get("entry", [])
    shown = [_entry(entry) for entry in entries if _type(entry) not in _PROVENANCE]
    others = Counter(_type(entry) for entry in entries if _type(entry) in _PROVENANCE)
    if others:
        counted = ", ".join(f"{count} {name}" for name, count in others.items())
        shown.append(Text(f"and {counted}", "dim"))
    return Text("\n").join(shown)


def _type(entry: dict[str, Any]) -> str:
    name: str = entry["resource"]["resourceType"]
    return name


def _entry(entry: dict[str, Any]) -> Text:
    request = entry["request"]
    head = Text.assemble((request["method"], "bold green"), " ", (unquote(request["url"]), "bold"))
    if condition := request.get("ifNoneExist"):
        head.append(f" unless there is {unquote(condition)}", "green")
    resource = {k: v for k, v in entry["resource"].items() if k not in ("resourceType", "id")}
    for key, value in resource.items():
        line = Text(f"  {orjson.dumps(key).decode()}: {orjson.dumps(_shortened(value)).decode()}")
        _JSON.highlight(line)
        head.append("\n").append(line)
    return head


def _shortened(value: Any) -> Any:
    """The same, without the middle of what nobody reads on a screen, as base64."""
    match value:
        case dict():
            return {key: _shortened(item) for key, item in value.items()}
        case list():
            return [_shortened(item) for item in value]
        case str() if len(value) > _LONGEST:
            return f"{value[: _LONGEST // 2]} … {len(value)} characters"
        case _:
            return value
