"""Real messages through the standard mapping into a real FHIR server, read back by search."""

import json
import urllib.parse
import urllib.request
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_twisted

from engine.config import FhirDestination, Server
from engine.delivery import Sender, Senders
from engine.fhir.outcome import Delivered
from engine.hl7v2.message import Message
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.prepared import prepare
from engine.mapping.result import Context

Body = dict[str, Any]

RESULT = """\
MSH|^~\\&|LAB|TESTLAB|ENGINE|CLINIC|20260105101500+0000||ORU^R01^ORU_R01|R-{n}-{status}|P|2.5.1
PID|1||{n}^^^&2.999.{oid}.1&ISO^MR||Testpatient^Anna||19800101|F
PV1|1|O|||||1234^Tester^Ada^^^^^^&2.999.{oid}.3&ISO
ORC|RE|P-{n}|F-{n}
OBR|1|P-{n}|F-{n}|24323-8^Panel^LN|||20260105100000|||||||||||||||20260105101400+0000||CH|{status}
OBX|1|NM|2345-7^Glucose^LN||{value}|mg/dL^mg/dL^UCUM|70-99|N|||{status}
OBX|2|NM|2345-7^Glucose^LN||5.20|mg/dL^mg/dL^UCUM|70-99|N|||{status}
"""
ADMISSION = """\
MSH|^~\\&|ADT|TESTCLINIC|ENGINE|CLINIC|20260105101500+0000||ADT^{event}^ADT_A01|A-{n}-{event}|P|2.5.1
EVN||20260105101500+0000
PID|1||{n}^^^&2.999.{oid}.1&ISO^MR||Testpatient^Anna||{born}|F|||{address}
PV1|1|I|WARD^1^A||||1234^Tester^Ada^^^^^^&2.999.{oid}.3&ISO||||||||||||{n}^^^&2.999.{oid}.2&ISO^VN|||||||||||||||||||||||||20260105101500+0000|{end}
"""
MERGE = """\
MSH|^~\\&|ADT|TESTCLINIC|ENGINE|CLINIC|20260105101500+0000||ADT^{event}^{structure}|M-{n}-{former}|P|2.5.1
EVN||20260105101500+0000
PID|1||{n}^^^&2.999.{oid}.1&ISO^MR||Testpatient^Anna
MRG|{n}{former}^^^&2.999.{oid}.1&ISO^MR
"""


class Clinic:
    """The server, and one engine that delivers to it."""

    def __init__(self, base: str, mappings: MappingLibrary) -> None:
        self.base = base
        self.number = uuid.uuid4().hex[:10]
        self.oid = str(uuid.uuid4().int % 1_000_000_000)
        self._mapping = mappings.mapping("standard")
        self._senders: list[Senders] = []
        self._sender = self.restarted()

    def restarted(self) -> Sender:
        """An engine that knows nothing of what was sent."""
        senders = Senders({"clinic": Server("clinic", self.base)})
        self._senders.append(senders)
        self._sender = senders.sender(FhirDestination("clinic", "clinic"))
        return self._sender

    async def send(self, template: str, **values: str) -> None:
        text = template.format(n=self.number, oid=self.oid, **values).replace("\n", "\r")
        context = Context(UTC, datetime(2026, 1, 5, 10, 15, tzinfo=UTC), "test")
        mapped = self._mapping.convert(Message.parse(text), context)
        prepared = prepare(mapped, self._sender.write)
        verdict = await self._sender.deliver(prepared, delivery_id=1)
        assert isinstance(verdict, Delivered), verdict

    def search(self, query: str) -> list[Body]:
        request = urllib.request.Request(f"{self.base}/{query}")
        request.add_header("Cache-Control", "no-cache")
        with urllib.request.urlopen(request, timeout=30) as reply:
            found = json.loads(reply.read(), parse_float=str)
        return [entry["resource"] for entry in found.get("entry", ())]

    def patient(self, more: str = "") -> Body:
        """The only patient with the test's number, or one that begins with it."""
        token = urllib.parse.quote(f"urn:oid:2.999.{self.oid}.1|{self.number}{more}")
        (found,) = self.search(f"Patient?identifier={token}")
        return found

    def of_patient(self, kind: str) -> list[Body]:
        return self.search(f"{kind}?subject=Patient/{self.patient()['id']}")

    async def close(self) -> None:
        for senders in self._senders:
            await senders.close()


@pytest.fixture(scope="module")
def mappings() -> MappingLibrary:
    return load_library([])


@pytest_twisted.async_yield_fixture
async def clinic(fhir_server: str, mappings: MappingLibrary) -> AsyncIterator[Clinic]:
    made = Clinic(fhir_server, mappings)
    yield made
    await made.close()


@pytest_twisted.ensureDeferred
async def test_a_result_arrives_linked_and_sent_again_stays_single(clinic: Clinic) -> None:
    for _ in range(2):
        await clinic.send(RESULT, value="5.10", status="F")
        clinic.restarted()
    values = clinic.of_patient("Observation")
    (report,) = clinic.of_patient("DiagnosticReport")
    (order,) = clinic.of_patient("ServiceRequest")
    results = {f"Observation/{value['id']}" for value in values}
    assert {item["reference"] for item in report["result"]} == results
    assert len(values) == 2
    assert report["basedOn"] == [{"reference": f"ServiceRequest/{order['id']}"}]
    assert sorted(value["valueQuantity"]["value"] for value in values) == ["5.10", "5.20"]


@pytest_twisted.ensureDeferred
async def test_a_correction_updates_the_same_observation(clinic: Clinic) -> None:
    await clinic.send(RESULT, value="5.10", status="P")
    await clinic.send(RESULT, value="6.70", status="C")
    values = clinic.of_patient("Observation")
    assert sorted(value["valueQuantity"]["value"] for value in values) == ["5.20", "6.70"]
    assert {value["status"] for value in values} == {"corrected"}


@pytest_twisted.ensureDeferred
async def test_an_admission_becomes_a_stay_that_a_discharge_ends(clinic: Clinic) -> None:
    given = {"born": "19800101", "address": "1 Test St^^Testtown"}
    for _ in range(2):
        await clinic.send(ADMISSION, event="A01", end="", **given)
        clinic.restarted()
    (stay,) = clinic.of_patient("Encounter")
    assert stay["status"] == "in-progress"
    await clinic.send(ADMISSION, event="A03", end="20260109110000+0000", **given)
    (stay,) = clinic.of_patient("Encounter")
    assert stay["status"] == "finished"
    assert stay["period"]["start"].startswith("2026-01-05")
    assert stay["period"]["end"].startswith("2026-01-09")


@pytest_twisted.ensureDeferred
async def test_what_an_update_does_not_say_stays_and_what_it_deletes_goes(clinic: Clinic) -> None:
    await clinic.send(ADMISSION, event="A01", born="19800101", address="1 Test St", end="")
    await clinic.send(ADMISSION, event="A08", born="", address='""', end="")
    person = clinic.patient()
    assert person["birthDate"] == "1980-01-01"
    assert "address" not in person
    assert person["meta"]["versionId"] == "2"


@pytest_twisted.ensureDeferred
async def test_laboratory_and_admission_meet_in_one_patient(clinic: Clinic) -> None:
    await clinic.send(RESULT, value="5.10", status="F")
    await clinic.send(ADMISSION, event="A01", born="19800101", address="1 Test St", end="")
    person = clinic.patient()
    assert person["address"]
    assert len(clinic.of_patient("Observation")) == 2
    assert clinic.of_patient("Encounter")


@pytest.mark.parametrize(
    ("event", "structure"),
    [("A18", "ADT_A18"), ("A34", "ADT_A30"), ("A40", "ADT_A39"), ("A47", "ADT_A30")],
)
@pytest_twisted.ensureDeferred
async def test_records_merged_into_one_are_retired_and_linked_once(
    clinic: Clinic, event: str, structure: str
) -> None:
    await clinic.send(ADMISSION, event="A01", born="19800101", address="1 Test St", end="")
    for former in ("a", "b", "a"):  # two records, one after the other; and one told again
        await clinic.send(MERGE, event=event, structure=structure, former=former)
        clinic.restarted()
    person = clinic.patient()
    assert (person["active"], person["birthDate"]) == (True, "1980-01-01")
    formers = [clinic.patient(former) for former in ("a", "b")]
    assert sorted((link["type"], link["other"]["reference"]) for link in person["link"]) == sorted(
        ("replaces", f"Patient/{former['id']}") for former in formers
    )
    replaced = {"type": "replaced-by", "other": {"reference": f"Patient/{person['id']}"}}
    assert [(former["active"], former["link"]) for former in formers] == [(False, [replaced])] * 2
