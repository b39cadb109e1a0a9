"""What R4 forbids of values that are each right by themselves: moved aside, not dropped."""

from __future__ import annotations

from datetime import datetime

from engine.fhir.uris import ABSENT
from engine.mapping.coding import ALTERNATE
from engine.mapping.made import Body
from engine.mapping.runtime import Run

ORIGINAL = "http://hl7.org/fhir/StructureDefinition/originalText"

#: org-2, org-3: where an organization is reached is never its home. The use has a required binding,
#: so what was said stands beside it.
_USES = {
    "address": "http://hl7.org/fhir/address-use",
    "telecom": "http://hl7.org/fhir/contact-point-use",
}


def settle(run: Run, body: Body) -> None:
    """Settle what a shared resource says against the invariants of its type."""
    if body["resourceType"] == "Organization":
        for key, system in _USES.items():
            found = body.get(key, ())
            at_home = [run.plain(item.get("use")) == "home" for item in found]
            if any(at_home):
                pairs = zip(found, at_home, strict=True)
                body[key] = [_elsewhere(item, system) if is_so else item for item, is_so in pairs]
        if "name" not in body and "identifier" not in body:  # org-1
            body["_name"] = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}


def _elsewhere(item: Body, system: str) -> Body:
    """An address or number without the use that an organization cannot have."""
    said = {"coding": [{"system": system, "code": item["use"]}]}
    made = {key: value for key, value in item.items() if key != "use"}
    extension = {"url": ALTERNATE, "valueCodeableConcept": said}
    return {**made, "extension": [*item.get("extension", ()), extension]}


def ordered(run: Run, period: Body) -> Body:
    """A period that does not end before it starts (per-1): such an end stays as its text.

    Of the period: HAPI FHIR 8.8 fails on an end that is an extension alone, in a Timing.
    """
    start, end = run.plain(period.get("start")), run.plain(period.get("end"))
    if start is None or end is None or not _later(start, end):
        return period
    run.note("", 0, "a period ends before it starts")
    made = {key: value for key, value in period.items() if key != "end"}
    extension = {"url": ORIGINAL, "valueString": period["end"]}
    return {**made, "extension": [*period.get("extension", ()), extension]}


def _later(start: str, end: str) -> bool:
    """Whether a FHIR dateTime is later than another, as far as both say."""
    if len(start) > 10 and len(end) > 10:
        first, last = _moment(start), _moment(end)
        return first is not None and last is not None and first > last
    shared = min(len(start), len(end), 10)
    return start[:shared] > end[:shared]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # a leap second, which Python lacks
        return None
