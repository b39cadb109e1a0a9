"""The HL7 v2-to-FHIR guide's rows as probes: a message for each, and where its value must appear.

``guide_probes.tsv`` holds one line for each row of the guide's segment maps that copies a value:
the fields to set in a carrier message, the resource and path where the guide wants the value, and
what must be found there. ``guide_path`` is the path as the guide prints it; ``path`` differs where
that one is misspelt, numbers a repetition, or names an element that R4 has not.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from engine.hl7v2.message import Message
from engine.mapping.library import Mapping
from engine.mapping.result import Context

HERE = Path(__file__).parent
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "guide")
Body = dict[str, Any]

PID = "PID|1||PAT1^^^HOSP&2.16.840.1.113883.19.4&ISO^MR||Testpatient^Anna"
OBX = "OBX|1|ST|OB1^Obs^L||x||||||F"
ADMISSION = (
    "EVN||20240102030405", PID, "PD1|", "+PIDROL", "NK1|1|", "PV1|1|I|WARD^1^2^FAC", "PV2|",
    "+PVROL", OBX, "AL1|1||ALL1^All^L", "DG1|1||DX1^Dx^L", "PR1|1||PX1^Px^L|",
    "IN1|1|PLAN1^Plan^L|COMP1", "IN3|1|",
)  # fmt: skip
VISIT = ("EVN||20240102030405", PID, "PV1|1|I|W")
DOCUMENT = (*VISIT, "ORC|NW|PL1|FI1", "TQ1|1|", "OBR|1|PL1|FI1|T1^Test^L")
ORDER = (
    PID, "+PRTPID", "PV1|1|O|W", "+PRTPV", "ORC|NW", "TQ1|1|", "OBR|1|||T1^Test^L",
)  # fmt: skip
REPORT = "OBR|1|PL1|FI1|T1^Test^L|||||||||||||||||||||F"

#: Carrier -> type of message and segments; ``+NAME`` is a place where a probe's segment may stand.
CARRIERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ADT_A01": ("ADT^A01^ADT_A01", ADMISSION),
    "ADT_A05": ("ADT^A05^ADT_A05", ADMISSION),
    "ADT_A11": ("ADT^A11^ADT_A09", VISIT),
    "ADT_A06": ("ADT^A06^ADT_A06", (*VISIT[:2], "MRG|OLD1", VISIT[2])),
    "ADT_A60": ("ADT^A60^ADT_A60", (*VISIT, "IAM|1||ALL1^All^L")),
    "SIU_S12": (
        "SIU^S12^SIU_S12",
        (
            "SCH|P1|F1", "NTE|1|", "RGS|1", PID, "AIS|1||SVC^Svc^L", "AIG|1||RES1^Res^L",
            "AIL|1||WARD^1^2", "AIP|1||DOC1^Doc^Dora",
        ),
    ),
    "MDM_T02": ("MDM^T02^MDM_T02", (*DOCUMENT, "NTE|9|", "TXA|1|CN", OBX.replace("|ST|", "|TX|"))),
    "MDM_NTE": (
        "MDM^T02^MDM_T02", (*DOCUMENT, "TXA|1|CN", OBX.replace("|ST|", "|TX|"), "NTE|1|")
    ),
    "OML_O21": ("OML^O21^OML_O21", (*ORDER, "NTE|1|", "+PRTOBR", OBX, "+PRTOBX", "SPM|1|")),
    "OML_NTE": ("OML^O21^OML_O21", (*ORDER, OBX, "NTE|1|", "SPM|1|")),
    "ORU_R01": (
        "ORU^R01^ORU_R01", (PID, "PV1|1|O|W", "ORC|RE", REPORT, OBX, "+PRTOBX", "SPM|1|")
    ),
    "ORU_OBR": ("ORU^R01^ORU_R01", (PID, "ORC|RE", REPORT)),
    "ORM_O01": ("ORM^O01^ORM_O01", (PID, "PV1|1|O|W", "ORC|NW", "OBR|1|||T1^Test^L")),
    "ORM_RX": (
        "ORM^O01^ORM_O01",
        (PID, "PV1|1|O|W", "ORC|NW|PL1", "TQ1|1|", "RXO|MED1^Med^L", "RXR|PO"),
    ),
    "RDE_O11": ("RDE^O11^RDE_O11", (PID, "ORC|NW|PL1", "RXE||MED1^Med^L")),
    "RAS_O17": (
        "RAS^O17^RAS_O17", (PID, "ORC|RE|PL1", "RXA|0|1|20240102|20240102|MED1^Med^L|1")
    ),
    "VXU_V04": (
        "VXU^V04^VXU_V04",
        (
            PID, "ORC|RE", "RXA|0|1|20240102|20240102|150^Flu^CVX|1||||||||||||||CP|A",
            "RXR|IM", OBX,
        ),
    ),
    "ACK": ("ACK^A01^ACK", ("MSA|AA|X1",)),
}  # fmt: skip

MSH = (
    "MSH|^~\\&|APP^1.2.3.4^ISO|FAC^1.2.3.5^ISO|RAPP|RFAC|20240102030405+0100||{}|CTRL1|P|2.8"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probe:
    """One row of the guide."""

    row: int
    map: str
    field: str
    carrier: str
    values: dict[str, str]
    resource: str
    path: str
    expected: str

    def __str__(self) -> str:
        """What pytest calls it, and how a failure names it."""
        return f"{self.row} {self.map} {self.field} -> {self.resource}.{self.path}"

    def message(self) -> Message:
        """The carrier with the probe's fields set."""
        name, _, place = self.carrier.partition("+")
        segment = self.map[:3]
        kind, template = CARRIERS[name]
        segments = [MSH.format(kind)]
        for text in template:
            if text == "+" + place:
                segments.append(segment + "|1")
            elif not text.startswith("+"):
                segments.append(text)
        if not any(text.startswith(segment) for text in segments):
            segments.append(segment + "|1")
        for path, value in self.values.items():
            _set(segments, path, value)
        return Message.parse("\r".join(segments) + "\r")


def _set(segments: list[str], path: str, value: str) -> None:
    name, _, number = path.partition("-")
    for index, text in enumerate(segments):
        if text.startswith(name + "|"):
            fields = text.split("|")
            at = int(number) - (name == "MSH")
            fields += [""] * (at + 1 - len(fields))
            fields[at] = value
            segments[index] = "|".join(fields)
            return


def component_probes() -> list[Probe]:
    """Every row of the guide's datatype maps, in a field that is mapped by it."""
    found = []
    for row in table("component_probes.tsv"):
        pairs = (pair.split("=", 1) for pair in row["values"].split(";"))
        segment = row["field"][:3]
        found.append(
            Probe(
                int(row["row"]), f"{segment} by {row['map']}", row["component"], row["carrier"],
                dict(pairs), row["resource"], row["path"], row["expected"],
            )
        )  # fmt: skip
    return found


def probes() -> list[Probe]:
    """Every row of the guide's segment maps."""
    found = []
    for row in table("guide_probes.tsv"):
        pairs = (pair.split("=", 1) for pair in row["values"].split(";") if pair)
        found.append(
            Probe(
                int(row["row"]), row["map"], row["field"], row["carrier"], dict(pairs),
                row["resource"], row["path"], row["expected"],
            )
        )  # fmt: skip
    return found


def table(name: str) -> list[dict[str, str]]:
    """A TSV beside this file."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


class Result:
    """What a message became, to be walked by the guide's paths."""

    def __init__(self, mapping: Mapping, message: Message) -> None:
        self.bodies: list[Body] = []
        self.by_reference: dict[str, Body] = {}
        for resource in mapping.convert(message, CONTEXT).resources:
            body = orjson.loads(orjson.dumps(resource.body))
            self.bodies.append(body)
            self.by_reference["urn:uuid:" + resource.uuid] = body

    def has(self, probe: Probe) -> bool:
        """Whether the expected text stands at the path, or in what a reference there leads to."""
        start = [body for body in self.bodies if body["resourceType"] == probe.resource]
        expected = probe.expected.casefold()
        return any(
            expected in self._text(found).casefold() for found in self._walk(start, probe.path)
        )

    def _walk(self, nodes: list[Any], path: str) -> list[Any]:
        for step in _steps(path):
            name, _, inner = step.partition("(")
            nodes = [found for node in nodes for found in _children(node, name.split("=")[0])]
            if inner:
                kind, _, rest = inner.removesuffix(")").partition(".")
                nodes = [body for node in nodes for body in self._targets(node, kind)]
                nodes = self._walk(nodes, rest) if rest else nodes
        return nodes

    def _targets(self, node: Any, kind: str) -> Iterator[Body]:
        """The resource that a reference means; a logical one is only what identifies it."""
        if not isinstance(node, dict):
            return
        body = self.by_reference.get(node.get("reference", ""))
        if body is not None and body["resourceType"] == kind:
            yield body
        elif node.get("type") == kind and "identifier" in node:
            yield {"resourceType": kind, "identifier": [node["identifier"]]}

    def _text(self, node: Any, depth: int = 0) -> str:
        text = json.dumps(node, ensure_ascii=False)
        if depth < 3:
            for reference in re.findall(r"urn:uuid:[0-9a-f-]+", text):
                if reference in self.by_reference:
                    text += self._text(self.by_reference[reference], depth + 1)
        return text


def _children(node: Any, name: str) -> list[Any]:
    if not isinstance(node, dict):
        return []
    if name == "$this":
        return [node]
    found = [node[key] for key in (name, "_" + name) if key in node]
    if not found:  # a choice, by the name that the guide gives all of it
        found = [v for k, v in node.items() if re.match(rf"{re.escape(name)}[A-Z]", k)]
    return [x for value in found for x in (value if isinstance(value, list) else [value])]


def _steps(path: str) -> list[str]:
    """The steps of a path; what stands in parentheses belongs to its step."""
    steps, depth = [""], 0
    for character in path:
        if character == "." and depth == 0:
            steps.append("")
            continue
        depth += (character == "(") - (character == ")")
        steps[-1] += character
    return [step for step in steps if step]
