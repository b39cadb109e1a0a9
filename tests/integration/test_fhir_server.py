"""Deliveries to a real FHIR server (HAPI FHIR JPA), read back by search."""

import json
import urllib.parse
import urllib.request
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred, gatherResults

from engine.config import FhirDestination, Server
from engine.delivery import Sender, Senders
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Verdict
from engine.mapping.prepared import prepare
from engine.mapping.result import Mapped
from tests.destinations import stated
from tests.destinations.stated import STAFF, SYSTEM

Body = dict[str, Any]


class Clinic:
    """A server as a test sees it: what it holds, and the ways to write to it."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._senders: list[Senders] = []

    def sender(self, write: str = "upsert", *, path: str = "") -> Sender:
        """A destination of an engine of its own, which knows nothing yet."""
        settings = Server("clinic", self.base + path, concurrency=16)
        senders = Senders({"clinic": settings})
        self._senders.append(senders)
        return senders.sender(FhirDestination("clinic", "clinic", write))

    def search(self, query: str) -> list[Body]:
        """What the server finds now (and not a minute ago)."""
        request = urllib.request.Request(f"{self.base}/{query}")
        request.add_header("Cache-Control", "no-cache")
        with urllib.request.urlopen(request, timeout=30) as reply:
            found = json.load(reply)
        return [entry["resource"] for entry in found.get("entry", ())]

    def by_identifier(self, kind: str, value: str, system: str = SYSTEM) -> list[Body]:
        """All resources with an identifier."""
        return self.search(f"{kind}?identifier={urllib.parse.quote(f'{system}|{value}')}")

    def one(self, kind: str, value: str, system: str = SYSTEM) -> Body:
        """The only resource with an identifier."""
        (found,) = self.by_identifier(kind, value, system)
        return found

    def put(self, body: Body) -> None:
        """Another system writes."""
        request = urllib.request.Request(
            f"{self.base}/{body['resourceType']}/{body['id']}",
            json.dumps(body).encode(),
            {"Content-Type": "application/fhir+json"},
            method="PUT",
        )
        urllib.request.urlopen(request, timeout=30).close()

    async def close(self) -> None:
        for senders in self._senders:
            await senders.close()


@pytest_twisted.async_yield_fixture
async def clinic(fhir_server: str) -> AsyncIterator[Clinic]:
    made = Clinic(fhir_server)
    yield made
    await made.close()


@pytest.fixture
def number() -> str:
    """A number of its own for each test's people and papers."""
    return uuid.uuid4().hex[:10]


async def deliver(sender: Sender, message: Mapped) -> Verdict:
    return await sender.deliver(prepare(message, sender.write), delivery_id=1)


WRITES = ("upsert", "own-ids", "create")


@pytest.mark.parametrize("write", WRITES)
@pytest_twisted.ensureDeferred
async def test_a_laboratory_result_arrives_whole_and_linked(
    clinic: Clinic, number: str, write: str
) -> None:
    assert await deliver(clinic.sender(write), stated.result(number)) == Delivered()
    person = clinic.one("Patient", f"P{number}")
    assert person["name"] == [{"family": "Testpatient", "given": ["Anna"]}]
    (report,) = clinic.search(f"DiagnosticReport?subject=Patient/{person['id']}")
    (value,) = clinic.search(f"Observation?subject=Patient/{person['id']}")
    laboratory = clinic.one("Organization", f"L{number}", STAFF)
    assert report["result"][0]["reference"] == f"Observation/{value['id']}"
    assert value["performer"][0]["reference"] == f"Organization/{laboratory['id']}"
    assert value["valueString"] == "5.4"


@pytest.mark.parametrize("write", WRITES)
@pytest_twisted.ensureDeferred
async def test_sent_twice_it_is_still_single(clinic: Clinic, number: str, write: str) -> None:
    first, second = clinic.sender(write), clinic.sender(write)
    for sender in (first, first, second):  # the same process, and one after a restart
        assert isinstance(await deliver(sender, stated.result(number)), Delivered)
    person = clinic.one("Patient", f"P{number}")
    assert person["meta"]["versionId"] == "1"
    for kind in ("Observation", "DiagnosticReport"):
        (found,) = clinic.search(f"{kind}?subject=Patient/{person['id']}")
        assert found["meta"]["versionId"] == "1"
    for kind, value in (("Organization", f"L{number}"), ("Practitioner", f"D{number}")):
        assert clinic.one(kind, value, STAFF)["meta"]["versionId"] == "1"


@pytest.mark.parametrize("write", ["upsert", "own-ids"])
@pytest_twisted.ensureDeferred
async def test_an_admission_arrives_and_its_end_updates_it(
    clinic: Clinic, number: str, write: str
) -> None:
    sender = clinic.sender(write)
    await deliver(sender, stated.admission(number, period={"start": "2026-01-05"}))
    period = {"start": "2026-01-05", "end": "2026-01-09"}
    await deliver(sender, stated.admission(number, status="finished", period=period))
    stay = clinic.one("Encounter", f"V{number}")
    person = clinic.one("Patient", f"P{number}")
    assert (stay["status"], stay["period"]["end"]) == ("finished", "2026-01-09")
    assert stay["subject"]["reference"] == f"Patient/{person['id']}"


@pytest.mark.parametrize("write", ["upsert", "own-ids"])
@pytest_twisted.ensureDeferred
async def test_a_corrected_result_updates_the_same_observation(
    clinic: Clinic, number: str, write: str
) -> None:
    sender = clinic.sender(write)
    await deliver(sender, stated.result(number, status="preliminary"))
    await deliver(sender, stated.result(number, value="5.6", status="corrected"))
    person = clinic.one("Patient", f"P{number}")
    (value,) = clinic.search(f"Observation?subject=Patient/{person['id']}")
    assert (value["valueString"], value["status"]) == ("5.6", "corrected")


@pytest.mark.parametrize("write", ["upsert", "own-ids"])
@pytest_twisted.ensureDeferred
async def test_a_sparse_update_erases_nothing(clinic: Clinic, number: str, write: str) -> None:
    sender = clinic.sender(write)
    full = stated.patient(
        number,
        name=[{"family": "Testpatient"}],
        birthDate="1980-01-01",
        telecom=[{"system": "phone", "value": "555-0100"}],
    )
    await deliver(sender, stated.mapped(full))
    held = clinic.one("Patient", number)
    held["identifier"].append({"system": "urn:oid:2.999.9", "value": f"E{number}"})
    clinic.put({**held, "active": True})  # what another system knows of the same person
    await deliver(sender, stated.mapped(stated.patient(number, gender="female")))
    now = clinic.one("Patient", number)
    assert now["gender"] == "female"
    for element in ("name", "birthDate", "telecom"):
        assert now[element] == held[element]
    assert now["active"] is True
    assert {item["value"] for item in now["identifier"]} == {number, f"E{number}"}


@pytest_twisted.ensureDeferred
async def test_what_the_sender_deletes_is_removed(clinic: Clinic, number: str) -> None:
    sender = clinic.sender()
    telecom = [{"system": "phone", "value": "555-0100"}]
    await deliver(sender, stated.mapped(stated.patient(number, telecom=telecom, gender="male")))
    message = stated.mapped(stated.patient(number, removed=("telecom",)))
    assert await deliver(sender, message) == Delivered()
    now = clinic.one("Patient", number)
    assert "telecom" not in now
    assert now["gender"] == "male"


@pytest_twisted.ensureDeferred
async def test_the_digits_of_a_decimal_outlive_a_merge(clinic: Clinic, number: str) -> None:
    sender = clinic.sender()
    await deliver(sender, stated.mapped(stated.patient(number)))
    held = clinic.one("Patient", number)
    text = json.dumps({**held, "extension": [{"url": "urn:x", "valueDecimal": "DIGITS"}]})
    request = urllib.request.Request(
        f"{clinic.base}/Patient/{held['id']}",
        text.replace('"DIGITS"', "5.10").encode(),
        {"Content-Type": "application/fhir+json"},
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=30).close()
    await deliver(sender, stated.mapped(stated.patient(number, gender="male")))
    with urllib.request.urlopen(f"{clinic.base}/Patient/{held['id']}") as reply:
        assert b'"valueDecimal":5.10' in reply.read()


@pytest.mark.parametrize("write", ["upsert", "own-ids"])
@pytest.mark.parametrize("engines", [1, 2])
@pytest_twisted.ensureDeferred
async def test_lanes_that_share_a_practitioner_make_one(
    clinic: Clinic, number: str, write: str, engines: int
) -> None:
    senders = [clinic.sender(write) for _ in range(engines)]
    messages = [stated.result(f"{number}{n}", doctor=number) for n in range(12)]
    under_way = [
        ensureDeferred(deliver(senders[n % engines], message)) for n, message in enumerate(messages)
    ]
    for message, verdict in zip(messages, await gatherResults(under_way), strict=True):
        while not isinstance(verdict, Delivered):  # two engines may meet; then it is tried again
            assert verdict.conflict
            verdict = await deliver(senders[0], message)
    for kind, value in (("Practitioner", f"D{number}"), ("Organization", f"L{number}")):
        assert clinic.one(kind, value, STAFF)["meta"]["versionId"] == "1"
    assert all(clinic.by_identifier("Patient", f"P{number}{n}") for n in range(12))


@pytest.mark.parametrize("write", ["upsert", "own-ids"])
@pytest_twisted.ensureDeferred
async def test_what_is_shared_is_updated_when_a_message_says_something_new(
    clinic: Clinic, number: str, write: str
) -> None:
    def versions(*names: str) -> list[Mapped]:
        return [stated.mapped(stated.organization(number, name)) for name in names]

    sender = clinic.sender(write)
    for message in versions("North", "North", "South", "South"):
        assert isinstance(await deliver(sender, message), Delivered)
    found = clinic.one("Organization", number, STAFF)
    assert (found["name"], found["meta"]["versionId"]) == ("South", "2")


@pytest_twisted.ensureDeferred
async def test_saying_less_of_what_is_shared_changes_nothing(clinic: Clinic, number: str) -> None:
    sender = clinic.sender()
    full = stated.practitioner(number, name=[{"family": "Tester", "given": ["Ada"]}])
    sparse = stated.practitioner(number, name=[{"family": "Tester"}])
    for each in (full, sparse, full, sparse):
        await deliver(sender, stated.mapped(each))
    found = clinic.one("Practitioner", number, STAFF)
    assert (found["name"], found["meta"]["versionId"]) == (full.body["name"], "1")


@pytest_twisted.ensureDeferred
async def test_a_shared_resource_that_was_deleted_meanwhile_is_made_again(
    clinic: Clinic, number: str
) -> None:
    sender = clinic.sender()
    first = stated.result(f"{number}1", doctor=number)
    await deliver(sender, first)
    for query in (f"DiagnosticReport?subject.identifier={SYSTEM}%7CP{number}1",):
        for found in clinic.search(query):
            delete(clinic, f"DiagnosticReport/{found['id']}")
    delete(clinic, f"Practitioner/{clinic.one('Practitioner', f'D{number}', STAFF)['id']}")
    message = stated.result(f"{number}2", doctor=number)
    assert isinstance(await deliver(sender, message), Delivered)
    assert clinic.one("Practitioner", f"D{number}", STAFF)


def delete(clinic: Clinic, url: str) -> None:
    request = urllib.request.Request(f"{clinic.base}/{url}", method="DELETE")
    urllib.request.urlopen(request, timeout=30).close()


@pytest.mark.parametrize("value", ["A&B+C", "A,B", "A|B", "A$B", "A\\B", "A B%20#?=", "é/ü"])
@pytest.mark.parametrize("write", ["upsert", "create"])
@pytest_twisted.ensureDeferred
async def test_identifiers_with_characters_that_mean_something_find_themselves(
    clinic: Clinic, number: str, value: str, write: str
) -> None:
    for sender in (clinic.sender(write), clinic.sender(write)):
        message = stated.mapped(
            stated.patient(f"{number}{value}"), stated.organization(f"{number}{value}")
        )
        assert isinstance(await deliver(sender, message), Delivered)
    for kind in ("Patient", "Organization"):
        newest = clinic.search(f"{kind}?_count=50&_sort=-_lastUpdated")
        numbers = [each["value"] for body in newest for each in body.get("identifier", [])]
        assert numbers.count(f"{number}{value}") == 1


@pytest_twisted.ensureDeferred
async def test_two_matches_are_held_for_a_person(clinic: Clinic, number: str) -> None:
    await deliver(clinic.sender(), stated.mapped(stated.patient(number)))
    await deliver(clinic.sender("own-ids"), stated.mapped(stated.patient(number)))
    verdict = await deliver(clinic.sender(), stated.mapped(stated.patient(number, gender="male")))
    assert isinstance(verdict, Hold)
    assert "2 resources" in verdict.detail
    created = await deliver(clinic.sender("create"), stated.mapped(stated.patient(number)))
    assert isinstance(created, Hold)
    assert "412" in created.detail


@pytest_twisted.ensureDeferred
async def test_what_the_server_refuses_is_dead_with_its_words(clinic: Clinic, number: str) -> None:
    message = stated.mapped(stated.patient(number, birthDate="yesterday"))
    verdict = await deliver(clinic.sender(), message)
    assert isinstance(verdict, Dead)
    assert "birthDate" in verdict.detail
    assert not clinic.by_identifier("Patient", number)


@pytest_twisted.ensureDeferred
async def test_a_base_url_without_fhir_is_the_servers_fault(clinic: Clinic, number: str) -> None:
    for path in ("/wrong", "/../wrong"):
        verdict = await deliver(clinic.sender(path=path), stated.result(number))
        assert isinstance(verdict, Down), verdict


@pytest_twisted.ensureDeferred
async def test_a_thing_without_identifier_is_created_once(clinic: Clinic, number: str) -> None:
    subject = stated.patient(number)
    provenance = stated.resource(
        "Provenance",
        number,
        {
            "target": [stated.reference(subject)],
            "recorded": "2026-01-05T10:00:00Z",
            "agent": [{"who": {"display": "Feed"}}],
        },
    )
    for write in WRITES[1:]:
        for sender in (clinic.sender(write), clinic.sender(write)):
            verdict = await deliver(sender, stated.mapped(subject, provenance))
            assert isinstance(verdict, Delivered), verdict
        delete_all(clinic, number)


def delete_all(clinic: Clinic, number: str) -> None:
    """Remove the patient and the one resource that points to it."""
    person = clinic.one("Patient", number)
    (found,) = clinic.search(f"Provenance?target=Patient/{person['id']}")
    delete(clinic, f"Provenance/{found['id']}")
    delete(clinic, f"Patient/{person['id']}")
