"""The functions that rules may call: ``system(CWE.3)``, ``join(PID-5.2, PID-5.1)``.

Each takes the run and the texts of its arguments ("" when absent) and gives a value or None.
"""

from __future__ import annotations

import base64
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

import orjson

from engine.fhir.uris import URIS
from engine.mapping import authorities, coding, datatypes, dates, spans
from engine.mapping.coding import V2_TABLE
from engine.mapping.made import Body
from engine.mapping.runtime import Run
from engine.mapping.unconvertible import Unconvertible

_MANY = inspect.Parameter.VAR_POSITIONAL


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language; ``raw`` ones get texts with their separators in."""

    call: Callable[..., Any]
    raw: bool = False

    @property
    def signature(self) -> str:
        """Its arguments, as a rule writes them: ``(start, number, [unit])``."""
        named = list(inspect.signature(self.call).parameters.values())[1:]
        return "(" + ", ".join(map(_argument, named)) + ")"

    def wrong_count(self, given: int) -> str:
        """What is wrong with so many arguments, "" when nothing is."""
        named = list(inspect.signature(self.call).parameters.values())[1:]
        least = sum(item.default is item.empty and item.kind is not _MANY for item in named)
        most = None if any(item.kind is _MANY for item in named) else len(named)
        if least <= given and (most is None or given <= most):
            return ""
        count = (
            f"{least}" if least == most else f"{least} to {most}" if most else f"{least} or more"
        )
        return f"{count} values, not {given}"


def _argument(item: inspect.Parameter) -> str:
    if item.kind is _MANY:
        return f"{item.name}, …"
    return item.name if item.default is item.empty else f"[{item.name}]"


def join(run: Run, *texts: str) -> str | None:
    """The texts that are there, with a blank between."""
    return " ".join(text for text in texts if text) or None


def concat(run: Run, *texts: str) -> str | None:
    """The texts one after the other, when the first is there."""
    return "".join(texts) if texts and texts[0] else None


def joined(run: Run, separator: str, *texts: str) -> str | None:
    """The texts that are there, with a separator of one's own between."""
    return separator.join(text for text in texts if text) or None


def endpoint(run: Run, raw: str) -> str | None:
    """An application (HD) as the URL of a MessageHeader: its universal id, else its name."""
    if not raw:
        return None
    namespace, universal, kind = _authority(run, raw)
    found = authorities.system_of(run.dialect, "", universal, kind)
    if found:
        return found
    named = "-".join(text for text in (namespace, universal) if text)
    return "urn:mllp:" + quote(named) if named else None


def lines(run: Run, *raws: str) -> str | None:
    """Free text, its repetitions as lines."""
    return "\n".join(text for raw in raws if (text := run.text(raw))) or None


def system(run: Run, name: str, oid: str = "") -> str | None:
    """The URI of a coding system: by its name in table 0396 or the feed's own, else by its OID."""
    found = run.dialect.systems.get(name) or run.dialect.systems.get(name.upper())
    if found:
        return found
    for text in (oid, name):
        if text:
            uri = authorities.uri_of(run.dialect, text)
            if uri:
                return uri
    match = re.fullmatch(r"HL7(\d{4})", name) or re.fullmatch(r"(\d{4})", name)
    return V2_TABLE + match[1] if match else None


def other_oid(run: Run, name: str, oid: str) -> str | None:
    """The OID of a coding system (CWE.14) where the name beside it (CWE.3) says another one.

    The name counts; an OID of the same system says nothing new.
    """
    if not name or not oid or system(run, "", oid) == system(run, name):
        return None
    return oid


def system_of(run: Run, code: str, name: str, oid: str = "") -> str | None:
    """The same for a code of it; of a code that it does not have it is not the system."""
    return _holding(run, code, system(run, name, oid))


def table(run: Run, code: str, number: str) -> str | None:
    """The system of an HL7 table, when it has the code."""
    return _holding(run, code, V2_TABLE + number) if code else None


def currency(run: Run, code: str) -> str | None:
    """A code of ISO 4217, in capitals as it writes them."""
    made = code.upper()
    return made if made and _holding(run, made, "urn:iso:std:iso:4217") else None


def _holding(run: Run, code: str, uri: str | None) -> str | None:
    if uri is None or not code or not run.dialect.codesystems.lacks(uri, code):
        return uri
    run.note("", 0, coding.FOREIGN)
    return None


def local_system(run: Run, name: str) -> str | None:
    """The channel's own system for a name that nobody registered.

    It means what this sender means by it: L of one laboratory is not L of another. A feed that
    knows better names the URI under ``systems:``.
    """
    if not name:
        return None
    return f"urn:mllp-engine:{quote(run.context.channel, safe='')}:{quote(name, safe='')}"


def known(run: Run, code: str, name: str, oid: str = "") -> str | None:
    """A code whose system can be named; without one it says nothing to a receiver (qty-3)."""
    return code if code and system(run, name, oid) else None


def uri_system(run: Run, text: str) -> str | None:
    """The system of an identifier that is a URI itself (R4, Identifier.value)."""
    return URIS if text and authorities.uri_of(run.dialect, text) else None


def _authority(run: Run, raw: str) -> tuple[str, str, str]:
    """Namespace, universal id and its type of an HD, in a component or a field of its own."""
    separator = run.S if run.S in raw else run.C
    parts = [run.clean(part) for part in raw.split(separator)]
    parts += ["", "", ""]
    return parts[0], parts[1], parts[2]


def authority(run: Run, raw: str) -> str | None:
    """The system of an assigning authority: by the feed's table, else by its universal id."""
    return authorities.system_of(run.dialect, *_authority(run, raw)) if raw else None


def authority_parts(run: Run, namespace: str, universal: str, kind: str = "") -> str | None:
    """The same, for an authority that stands in three components (EI.2 to EI.4)."""
    return authorities.system_of(run.dialect, namespace, universal, kind)


def authority_name(run: Run, raw: str) -> str | None:
    """The namespace of an assigning authority, or its universal id where that is no URI."""
    if not raw:
        return None
    namespace, universal, kind = _authority(run, raw)
    if namespace and authorities.uri_of(run.dialect, namespace) is None:
        return namespace
    if universal and authorities.system_of(run.dialect, "", universal, kind) is None:
        return universal
    return None


def low(run: Run, text: str) -> Body | None:
    """The lower end of a reference range that can be read, as a Quantity."""
    found = datatypes.reference_range(text) if text else None
    return _end(found.low, found.unit) if found else None


def high(run: Run, text: str) -> Body | None:
    """The upper end of a reference range that can be read, as a Quantity."""
    found = datatypes.reference_range(text) if text else None
    return _end(found.high, found.unit) if found else None


def _end(digits: str | None, unit: str) -> Body | None:
    if digits is None:
        return None
    made: Body = {"value": orjson.Fragment(digits.encode())}
    return {**made, "unit": unit} if unit else made


def one_piece(run: Run, text: str) -> Body | None:
    """A number with its comparator in one text (``>5``), as a Quantity."""
    found = datatypes.structured_numeric(text) if text else None
    if found is not None and found.type != "Quantity":
        raise Unconvertible("no number, nor one after <, <=, > or >=")
    return found.value if found is not None else None


def mime(run: Run, kind: str, subtype: str = "", data: str = "") -> str | None:
    """The MIME type of a document, by table 0834 and its like, else by how its data begin."""
    return datatypes.content_type(kind, subtype, data)


def document(run: Run, encoding: str, data: str) -> str | None:
    """The data of an ED as base64."""
    return datatypes.encoded(data, encoding)


def pointer(run: Run, text: str) -> str | None:
    """The URL of an RP."""
    return datatypes.pointer(text)


def phone(run: Run, country: str, area: str, local: str, extension: str = "") -> str | None:
    """A telephone number from its parts, as the guide composes it."""
    return datatypes.contact_value(["", "", "", "", country, area, local, extension])


def samples(run: Run, raw: str) -> Body | None:
    """The values of an NA or MA, as SampledData: repetitions are rows."""
    rows = [[run.clean(value) for value in row.split(run.C)] for row in raw.split(run.R)]
    return datatypes.sampled_data(rows)


def repeat(run: Run, code: str, event: str = "") -> Body | None:
    """What a repeat pattern (``Q6H``, ``BID``) and an event (``AC``) say, as Timing.repeat."""
    found = datatypes.repeat_pattern(code) if code else None
    when = datatypes.related_event(event) if event else None
    return {**(found or {}), **(when or {})} or None


def times(run: Run, text: str) -> list[str] | None:
    """Times of day, listed with commas."""
    return datatypes.times_of_day(text) if text else None


def duration(run: Run, text: str) -> Body | None:
    """A length of time such as ``D10``."""
    return datatypes.duration(text)


def at(run: Run, day: str, time: str) -> str | None:
    """A time of day on the day of another time."""
    return dates.date_time(day[:8] + time, run.zone) if len(day) >= 8 and time else None


def later(run: Run, start: str, number: str, unit: str = "") -> str | None:
    """A time so much after another: its number and unit stand in fields of their own."""
    return spans.later(start, number, unit, run.zone)


def earlier(run: Run, end: str, number: str, unit: str = "") -> str | None:
    """A time so much before another."""
    return spans.later(end, "-" + number, unit, run.zone) if number else None


def minutes(run: Run, number: str, unit: str = "") -> int | None:
    """A length of time as whole minutes."""
    return spans.minutes(number, unit)


def name(run: Run, raw: str) -> str | None:
    """A person's name in one line, of an XPN."""
    parts = [run.clean(part.split(run.S, 1)[0]) for part in raw.split(run.R, 1)[0].split(run.C)]
    return datatypes.person_name(parts)


def original(run: Run) -> str:
    """The whole message in base64, in its own character set."""
    message = run.message
    return base64.b64encode(message.text.encode(message.charset, "replace")).decode()


def narrative(run: Run, text: str) -> str | None:
    """A text as the XHTML of a narrative (R4, 2.8)."""
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(text)}</div>' if text else None


def channel(run: Run) -> str:
    """The channel that a message came through, as a URI."""
    return "urn:mllp-engine:" + quote(run.context.channel, safe="")


def received(run: Run) -> str:
    """When the message was received, to the second."""
    return run.context.received_at.isoformat(timespec="seconds")


def texts(run: Run, raw: str) -> str | None:
    """The texts of all repetitions of a coded field, a code where there is no text."""
    found = [
        run.value(item, 2) or run.value(item, 9) or run.value(item, 1) for item in raw.split(run.R)
    ]
    return ", ".join(text for text in found if text) or None


def upper(run: Run, text: str) -> str | None:
    """The text in capitals."""
    return text.upper() or None


FUNCTIONS: dict[str, Function] = {
    "join": Function(join),
    "joined": Function(joined),
    "endpoint": Function(endpoint, raw=True),
    "concat": Function(concat),
    "lines": Function(lines, raw=True),
    "system": Function(system),
    "system_of": Function(system_of),
    "other_oid": Function(other_oid),
    "table": Function(table),
    "currency": Function(currency),
    "known": Function(known),
    "uri_system": Function(uri_system),
    "local_system": Function(local_system),
    "authority": Function(authority, raw=True),
    "authority_parts": Function(authority_parts),
    "authority_name": Function(authority_name, raw=True),
    "low": Function(low),
    "high": Function(high),
    "original": Function(original),
    "upper": Function(upper),
    "channel": Function(channel),
    "received": Function(received),
    "texts": Function(texts, raw=True),
    "narrative": Function(narrative),
    "one_piece": Function(one_piece),
    "mime": Function(mime),
    "document": Function(document),
    "pointer": Function(pointer),
    "phone": Function(phone),
    "samples": Function(samples, raw=True),
    "repeat": Function(repeat),
    "times": Function(times),
    "duration": Function(duration),
    "at": Function(at),
    "later": Function(later),
    "earlier": Function(earlier),
    "minutes": Function(minutes),
    "name": Function(name, raw=True),
}
