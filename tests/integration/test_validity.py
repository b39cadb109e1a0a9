"""What the standard library makes of messages is valid FHIR R4, say HL7's validator and HAPI."""

from datetime import UTC, datetime
from pathlib import Path, PurePath

import pytest

from engine.fhir import bundle
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context
from engine.workbench.inputs import Input
from tests.acceptance import messages
from tests.corpus import corpus_files
from tests.refusals import STRICT, refusals
from tests.services import r4
from tests.services.fhir_server import fhir_server
from tests.validate import converted, spread

ROOT = Path(__file__).parents[2]
ASSIGNER = {"PID-3": "urn:oid:2.999.1"}

#: So many files of the corpus; tests.validate and tests.refusals read them all.
VALIDATED, POSTED = 150, 25
#: Larger ones take the validator as long as all others together.
SMALL = 20_000


def samples() -> dict[str, bytes]:
    """The shipped sample messages, the benchmark's, and the acceptance tests'."""
    found = {"acceptance": messages.result("VALID", 1)}
    for folder in ("benchmarks", "channels"):
        for file in (ROOT / folder).rglob("*.hl7"):
            found[file.stem] = file.read_bytes()
    return found


def sample(count: int) -> list[Input]:
    """Files of the corpus, evenly from first to last."""
    small = [file for file in corpus_files() if file.path.stat().st_size <= SMALL]
    return spread([Input(file.path, PurePath(file.name)) for file in small], count)


def test_every_sample_becomes_a_bundle_without_an_error(tmp_path: Path) -> None:
    mapping = load_library([]).mapping("standard")
    context = Context(UTC, datetime(2026, 1, 5, 12, tzinfo=UTC), "samples", ASSIGNER)
    for name, raw in samples().items():
        mapped = mapping.convert(Message.read(raw), context)
        made = bundle.transaction(mapped.resources, write="own-ids")
        (tmp_path / f"{name}.json").write_bytes(bundle.dump(made))
    assert r4.errors(tmp_path) == []


def test_every_shipped_case_expects_a_bundle_without_an_error() -> None:
    assert r4.errors(*sorted((ROOT / "mappings").rglob("*.bundle.json"))) == []


@pytest.mark.parametrize("unmapped", ["report", "extension"])
def test_messages_of_the_corpus_become_bundles_without_an_error(
    tmp_path: Path, unmapped: str
) -> None:
    assert converted(sample(VALIDATED), tmp_path, unmapped=unmapped) == []
    assert r4.errors(tmp_path) == []


def test_a_server_that_validates_takes_messages_of_the_corpus(tmp_path: Path) -> None:
    assert converted(sample(POSTED), tmp_path) == []
    with fhir_server(STRICT) as base:
        assert list(refusals(base, tmp_path)) == []


def test_a_server_that_validates_does_refuse(tmp_path: Path) -> None:
    wrong = {"resourceType": "Patient", "gender": "F"}
    entry = {"resource": wrong, "request": {"method": "POST", "url": "Patient"}}
    made = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    (tmp_path / "wrong.json").write_bytes(bundle.dump(made))
    with fhir_server(STRICT) as base:
        assert [line.split()[1] for line in refusals(base, tmp_path)] in (["400"], ["422"])


def test_the_validator_does_find_an_error(tmp_path: Path) -> None:
    file = tmp_path / "patient.json"
    file.write_text('{"resourceType": "Patient", "gender": "F"}')
    assert r4.errors(file)
