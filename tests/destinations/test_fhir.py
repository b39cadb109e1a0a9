"""Deliveries to a FHIR server: what is read, merged, written, and what each answer leads to."""

from typing import Any

import orjson
import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, DeferredList, ensureDeferred, gatherResults

from engine.config import FhirDestination
from engine.delivery import Sender
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Retry, Verdict
from engine.mapping.prepared import prepare
from engine.mapping.result import Mapped
from tests.destinations import stated
from tests.destinations.clinic import Clinic
from tests.destinations.memory_server import MemoryServer, Reply, refusal


async def deliver(sender: Sender, message: Mapped) -> Verdict:
    return await sender.deliver(prepare(message, sender.write), delivery_id=1)


@pytest_twisted.ensureDeferred
async def test_a_message_is_one_transaction_with_the_servers_headers(clinic: Clinic) -> None:
    assert await deliver(clinic.sender(), stated.result("1")) == Delivered()
    assert len(clinic.server.transactions) == 1
    for headers in clinic.server.headers:
        assert headers["authorization"] == "Bearer let-me-in"
        assert headers["x-test"] == "yes"
    assert clinic.server.headers[0]["cache-control"] == "no-cache"
    assert clinic.server.headers[-1]["content-type"] == "application/fhir+json"


@pytest_twisted.ensureDeferred
async def test_a_message_without_resources_is_not_sent(clinic: Clinic) -> None:
    verdict = await deliver(clinic.sender(), stated.mapped())
    assert verdict == Delivered("the message became no resource")
    assert not clinic.server.transactions


@pytest.mark.parametrize("write", ["upsert", "own-ids"])
@pytest_twisted.ensureDeferred
async def test_deliveries_that_begin_together_search_together(clinic: Clinic, write: str) -> None:
    sender = clinic.sender(write)
    messages = [stated.mapped(stated.patient(str(n), active=True)) for n in range(8)]
    known = clinic.server.hold(stated.patient("3", gender="male").body | {"id": "m3"})
    verdicts = [ensureDeferred(deliver(sender, message)) for message in messages]
    assert await gatherResults(verdicts) == [Delivered()] * 8
    assert len(clinic.server.searches) == 1
    held = clinic.server.held["Patient/m3"] if write == "upsert" else known
    assert held["gender"] == "male"


@pytest.mark.parametrize("write", ["upsert", "create"])
@pytest_twisted.ensureDeferred
async def test_nobody_is_found_by_a_number_alone(clinic: Clinic, write: str) -> None:
    nameless = stated.patient("123")
    nameless.criterion = "identifier=123"
    with pytest.raises(ValueError, match="without a system"):
        await deliver(clinic.sender(write), stated.mapped(nameless))
    assert clinic.server.searches == clinic.server.transactions == []


@pytest_twisted.ensureDeferred
async def test_more_than_fit_into_one_search_take_several(clinic: Clinic) -> None:
    sender = clinic.sender(concurrency=40)
    messages = [stated.mapped(stated.patient(str(n))) for n in range(30)]
    await gatherResults([ensureDeferred(deliver(sender, message)) for message in messages])
    assert len(clinic.server.searches) == 3
    assert len(clinic.server.of("Patient")) == 30


@pytest_twisted.ensureDeferred
async def test_a_server_that_compares_without_case_is_asked_one_by_one(clinic: Clinic) -> None:
    odd = clinic.server.hold(stated.patient("abc").body | {"id": "odd"})

    def caseless(path: str) -> Reply:
        reply = clinic.server._search(path)
        if "ABC" in path and "odd" not in reply[1].decode():
            clinic.server.held["Patient/odd"] = odd | {"identifier": [_upper(odd)]}
            reply = clinic.server._search(path)
            clinic.server.held["Patient/odd"] = odd
            return reply[0], reply[1].replace(b"ABC", b"abc"), {}
        return reply

    clinic.server.search_faults.extend([caseless] * 3)
    sender = clinic.sender()
    messages = [stated.mapped(stated.patient(value, active=True)) for value in ("ABC", "x")]
    await gatherResults([ensureDeferred(deliver(sender, message)) for message in messages])
    assert len(clinic.server.searches) == 3
    assert clinic.server.held["Patient/odd"]["active"] is True


def _upper(body: dict[str, Any]) -> dict[str, Any]:
    return {**body["identifier"][0], "value": "ABC"}


# --- somebody else writes ---------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_another_writer_between_reading_and_writing_loses_nothing(clinic: Clinic) -> None:
    server = clinic.server
    server.hold(stated.patient("1", gender="male").body | {"id": "7"})

    def interfere() -> None:
        held = server.held["Patient/7"]
        server.held["Patient/7"] = {**held, "active": True, "meta": {"versionId": "2"}}
        server.after_search = lambda: None

    server.after_search = interfere
    message = stated.mapped(stated.patient("1", birthDate="1980"))
    assert await deliver(clinic.sender(), message) == Delivered()
    held = server.held["Patient/7"]
    assert (held["gender"], held["active"], held["birthDate"]) == ("male", True, "1980")
    assert len(server.transactions) == 2


@pytest_twisted.ensureDeferred
async def test_a_patient_created_by_another_meanwhile_still_gets_our_elements(
    clinic: Clinic,
) -> None:
    server = clinic.server

    def interfere() -> None:
        server.after_search = lambda: None
        server.hold(stated.patient("1", active=True).body | {"id": "7"})

    server.after_search = interfere
    message = stated.mapped(stated.patient("1", gender="male"))
    assert await deliver(clinic.sender(), message) == Delivered()
    (held,) = server.of("Patient")
    assert (held["active"], held["gender"]) == (True, "male")


@pytest_twisted.ensureDeferred
async def test_a_resource_that_others_write_all_the_time_waits_its_turn(clinic: Clinic) -> None:
    server = clinic.server
    server.hold(stated.patient("1").body | {"id": "7"})

    def interfere() -> None:
        meta = {"versionId": str(int(server.held["Patient/7"]["meta"]["versionId"]) + 1)}
        server.held["Patient/7"] = {**server.held["Patient/7"], "meta": meta}

    server.after_search = interfere
    verdict = await deliver(clinic.sender(), stated.mapped(stated.patient("1", active=True)))
    assert verdict == Retry("others write the same resources", conflict=True)
    server.faults.extend([refusal(409)] * 4)
    verdict = await deliver(clinic.sender(), stated.mapped(stated.patient("2")))
    assert verdict == Retry("HTTP 409", conflict=True)


@pytest_twisted.ensureDeferred
async def test_a_precondition_that_fails_although_nothing_moved_is_held(clinic: Clinic) -> None:
    clinic.server.hold(stated.patient("1").body | {"id": "7"})
    clinic.server.faults.extend([refusal(412)] * 2)
    verdict = await deliver(clinic.sender(), stated.mapped(stated.patient("1")))
    assert verdict == Hold("HTTP 412: processing: said 412")
    assert len(clinic.server.transactions) == 1


@pytest_twisted.ensureDeferred
async def test_what_is_always_created_by_others_waits_its_turn(clinic: Clinic) -> None:
    def exists(bundle: dict[str, Any]) -> Reply:
        status, body, headers = clinic.server._transaction(bundle)
        clinic.server.held.clear()
        return status, body.replace(b"201 Created", b"200 OK"), headers

    clinic.server.faults.extend([exists] * 4)
    verdict = await deliver(clinic.sender(), stated.mapped(stated.patient("1")))
    assert verdict == Retry("others write the same resources", conflict=True)


@pytest_twisted.ensureDeferred
async def test_conflicts_of_conditional_creates_are_tried_again_at_once(clinic: Clinic) -> None:
    clinic.server.faults.extend([refusal(409)] * 2)
    assert await deliver(clinic.sender("create"), stated.result("1")) == Delivered()
    assert len(clinic.server.transactions) == 3


# --- what many share --------------------------------------------------------------------------


def kinds(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["resourceType"] for entry in bundle["entry"]]


@pytest.mark.parametrize("write", ["upsert", "own-ids"])
@pytest_twisted.ensureDeferred
async def test_what_is_known_is_only_referred_to(clinic: Clinic, write: str) -> None:
    sender = clinic.sender(write)
    for number in ("1", "2"):
        assert await deliver(sender, stated.result(number, doctor="9")) == Delivered()
    first, second = clinic.server.transactions
    assert kinds(second) == ["Patient", "DiagnosticReport", "Observation"]
    (laboratory,) = clinic.server.of("Organization")
    value = second["entry"][2]["resource"]
    assert value["performer"] == [{"reference": f"Organization/{laboratory['id']}"}]
    assert len(kinds(first)) == 5


@pytest_twisted.ensureDeferred
async def test_writers_of_one_shared_resource_go_one_after_the_other(clinic: Clinic) -> None:
    senders = clinic.senders()
    feeds = [senders.sender(FhirDestination(name, "clinic")) for name in ("north", "south")]
    messages = [stated.result(str(n), doctor="9") for n in range(6)]
    verdicts = [ensureDeferred(deliver(feeds[n % 2], m)) for n, m in enumerate(messages)]
    assert await gatherResults(verdicts) == [Delivered()] * 6
    writing = [b for b in clinic.server.transactions if "Practitioner" in kinds(b)]
    assert len(writing) == 1
    assert len(clinic.server.of("Practitioner")) == 1


@pytest_twisted.ensureDeferred
async def test_news_of_a_shared_resource_are_merged_into_it(clinic: Clinic) -> None:
    server = clinic.server
    server.hold(stated.organization("9", "North").body | {"id": "5", "active": True})
    sender = clinic.sender()
    for name in ("North", "South", "North"):
        await deliver(sender, stated.mapped(stated.organization("9", name)))
    assert [len(bundle["entry"]) for bundle in server.transactions] == [1, 1]
    held = server.held["Organization/5"]
    assert (held["name"], held["active"], held["meta"]["versionId"]) == ("North", True, "3")


@pytest_twisted.ensureDeferred
async def test_a_reference_to_what_is_gone_is_made_good(clinic: Clinic) -> None:
    sender, server = clinic.sender(), clinic.server
    await deliver(sender, stated.result("1", doctor="9"))
    server.held = {url: body for url, body in server.held.items() if "Practitioner" not in url}

    def dangling(bundle: dict[str, Any]) -> Reply:
        return refusal(400)

    server.faults.append(dangling)
    assert await deliver(sender, stated.result("2", doctor="9")) == Delivered()
    assert len(server.of("Practitioner")) == 1


@pytest_twisted.ensureDeferred
async def test_two_matches_of_a_shared_resource_are_held(clinic: Clinic) -> None:
    for own in ("1", "2"):
        clinic.server.hold(stated.organization("9").body | {"id": own})
    verdict = await deliver(clinic.sender(), stated.mapped(stated.organization("9")))
    assert isinstance(verdict, Hold)
    assert not clinic.server.transactions


@pytest_twisted.ensureDeferred
async def test_a_delivery_that_is_broken_off_lets_the_next_one_write(clinic: Clinic) -> None:
    clinic.server.faults.append(None)
    sender = clinic.sender()
    stuck = ensureDeferred(deliver(sender, stated.result("1", doctor="9")))
    waiting = ensureDeferred(deliver(sender, stated.result("2", doctor="9")))
    await clinic.server.arrived
    stuck.cancel()
    with pytest.raises(CancelledError):
        await stuck
    assert await waiting == Delivered()


# --- the table of verdicts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (refusal(500), Retry("HTTP 500")),
        (refusal(503, Retry_After="7"), Retry("HTTP 503", 7.0)),
        (refusal(429, Retry_After="1"), Retry("HTTP 429", 1.0)),
        (refusal(422), Dead("HTTP 422: processing: said 422", 422)),
        (refusal(412), Hold("HTTP 412: processing: said 412")),
        (refusal(401), Down("HTTP 401")),
        ((302, b"", {"Location": "http://elsewhere.example/"}), Down("HTTP 302")),
        ((200, b"<html/>", {}), Down("HTTP 200 without a Bundle")),
        ((404, b"<html/>", {}), Down("HTTP 404")),
    ],
)
@pytest.mark.parametrize("write", ["upsert", "own-ids", "create"])
@pytest_twisted.ensureDeferred
async def test_a_transaction_that_is_answered_so(
    clinic: Clinic, fault: Reply, verdict: Verdict, write: str
) -> None:
    clinic.server.faults.append(fault)
    assert await deliver(clinic.sender(write), stated.result("1")) == verdict


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (refusal(500), Retry("HTTP 500")),
        (refusal(403), Down("HTTP 403")),
        (refusal(404), Down("HTTP 404 to a search")),
        (refusal(400), Dead("HTTP 400: processing: said 400", 400)),
        ((200, b"<html/>", {}), Down("HTTP 200 to a search, without a Bundle")),
        (
            (200, b'{"resourceType":"Bundle","link":[{"relation":"next"}]}', {}),
            Hold("a search by identifier finds more than a page"),
        ),
        *[
            (
                (200, b'{"resourceType":"Bundle","entry":[%b]}' % entry, {}),
                Retry("the answer to a search holds what is no resource"),
            )
            for entry in (
                b'{"resource":{"id":"1"}}',
                b'{"resource":{"id":"1","resourceType":7}}',
                b'{"resource":"id"}',
                b'{"resource":null}',
                b'"x"',
                b"null",
            )
        ],
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_search_that_is_answered_so(clinic: Clinic, fault: Reply, verdict: Verdict) -> None:
    clinic.server.search_faults.append(fault)
    assert await deliver(clinic.sender(), stated.mapped(stated.patient("1"))) == verdict
    assert not clinic.server.transactions


@pytest_twisted.ensureDeferred
async def test_one_bad_value_in_a_search_is_the_fault_of_its_own_message(clinic: Clinic) -> None:
    def picky(path: str) -> Reply:
        return refusal(400) if "bad" in path else clinic.server._search(path)

    clinic.server.search_faults.extend([picky] * 4)
    sender = clinic.sender()
    messages = [stated.mapped(stated.patient(value)) for value in ("1", "bad", "2")]
    verdicts = await gatherResults([ensureDeferred(deliver(sender, m)) for m in messages])
    assert [type(verdict) for verdict in verdicts] == [Delivered, Dead, Delivered]


@pytest_twisted.ensureDeferred
async def test_what_one_search_cannot_use_hinders_no_other(clinic: Clinic) -> None:
    nothing = (200, b'{"resourceType":"Bundle","entry":[{"resource":{"id":"1"}}]}', {})
    clinic.server.search_faults.append(nothing)
    sender = clinic.sender()
    first = await deliver(sender, stated.mapped(stated.patient("1")))
    assert first == Retry("the answer to a search holds what is no resource")
    assert await deliver(sender, stated.mapped(stated.patient("2"))) == Delivered()


@pytest_twisted.ensureDeferred
async def test_a_malformed_resource_is_the_fault_of_its_own_message(clinic: Clinic) -> None:
    broken = {"resourceType": "Patient", "id": "broken", "identifier": ["x"], "meta": "x"}

    def malformed(path: str) -> Reply:
        reply = clinic.server._search(path)
        bundle = orjson.loads(reply[1])
        if "bad" in path:
            bundle["entry"] = [*bundle.get("entry", []), {"resource": broken}]
        return reply[0], orjson.dumps(bundle), {}

    clinic.server.search_faults.extend([malformed] * 4)
    sender = clinic.sender()
    messages = [stated.mapped(stated.patient(value)) for value in ("1", "bad", "2")]
    deferreds = [ensureDeferred(deliver(sender, message)) for message in messages]
    found = await DeferredList(deferreds, consumeErrors=True)
    assert [found[0], found[2]] == [(True, Delivered()), (True, Delivered())]
    assert found[1] == (True, Retry("what the server holds cannot be merged: AttributeError"))
    assert await deliver(sender, stated.mapped(stated.patient("3"))) == Delivered()


@pytest_twisted.ensureDeferred
async def test_a_fault_while_searching_is_told_and_frees_the_search(clinic: Clinic) -> None:
    sender = clinic.sender()
    server: Any = sender._server  # type: ignore[attr-defined]
    search, faults = server.search, [RuntimeError("x")]

    async def faulty(query: str) -> Any:
        if faults:
            raise faults.pop()
        return await search(query)

    server.search = faulty
    with pytest.raises(RuntimeError):
        await deliver(sender, stated.mapped(stated.patient("1")))
    assert await deliver(sender, stated.mapped(stated.patient("2"))) == Delivered()


@pytest.mark.parametrize(
    ("metadata", "verdict"),
    [
        (None, Dead("HTTP 404: processing: said 404", 404)),
        (refusal(404), Down("HTTP 404, and no metadata at the base URL")),
        ((200, b"<html/>", {}), Down("HTTP 404, and no metadata at the base URL")),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_404_is_about_the_bundle_when_there_is_fhir_at_all(
    clinic: Clinic, metadata: Reply | None, verdict: Verdict
) -> None:
    if metadata is not None:
        clinic.server.metadata = metadata
    clinic.server.faults.append(refusal(404))
    assert await deliver(clinic.sender("create"), stated.result("1")) == verdict


@pytest_twisted.ensureDeferred
async def test_no_answer_in_time_is_tried_again(clinic: Clinic) -> None:
    clinic.server.faults.append(None)
    verdict = await deliver(clinic.sender("create", timeout=0.2), stated.result("1"))
    assert verdict == Retry("no answer within 0.2 s")


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_not_there_is_tried_again(clinic: Clinic) -> None:
    gone = MemoryServer()
    base = gone.open()
    await gone.close()
    verdict = await deliver(clinic.sender(base=base), stated.result("1"))
    assert verdict == Retry("no connection: Connection refused")
