"""Messages, answers and FHIR in colour."""

from __future__ import annotations

from typing import Any

import orjson
from rich.highlighter import JSONHighlighter
from rich.text import Text

from engine.errors import MessageError
from engine.hl7v2.ack import AckCode
from engine.hl7v2.message import Message

_CODES = {code.value: "bold green" if code.positive else "bold red" for code in AckCode}
_JSON = JSONHighlighter()


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
    """A transaction Bundle: how each resource is written, and the resource."""
    return Text("\n").join(_entry(entry) for entry in bundle.get("entry", []))


def _entry(entry: dict[str, Any]) -> Text:
    request = entry["request"]
    url = request["url"]
    if condition := request.get("ifNoneExist"):
        url += f" unless there is {condition}"
    head = Text.assemble((request["method"], "bold green"), " ", (url, "bold"))
    body = Text(orjson.dumps(entry["resource"]).decode())
    _JSON.highlight(body)
    return head.append("\n").append(body)
