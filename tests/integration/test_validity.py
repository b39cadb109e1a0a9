"""What the standard library makes of our samples is valid FHIR R4, says HL7's own validator."""

from datetime import UTC, datetime
from pathlib import Path

from engine.fhir import bundle
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context
from tests.acceptance import messages
from tests.services import r4

ROOT = Path(__file__).parents[2]
ASSIGNER = {"PID-3": "urn:oid:2.999.1"}


def samples() -> dict[str, bytes]:
    """The shipped sample messages, the benchmark's, and the acceptance tests'."""
    found = {"acceptance": messages.result("VALID", 1)}
    for folder in ("benchmarks", "channels"):
        for file in (ROOT / folder).rglob("*.hl7"):
            found[file.stem] = file.read_bytes()
    return found


def test_every_sample_becomes_a_bundle_without_an_error(tmp_path: Path) -> None:
    mapping = load_library([]).mapping("standard")
    context = Context(UTC, datetime(2026, 1, 5, 12, tzinfo=UTC), "samples", ASSIGNER)
    for name, raw in samples().items():
        mapped = mapping.convert(Message.read(raw), context)
        made = bundle.transaction(mapped.resources, write="own-ids")
        (tmp_path / f"{name}.json").write_bytes(bundle.dump(made))
    assert r4.errors(tmp_path) == []


def test_the_validator_does_find_an_error(tmp_path: Path) -> None:
    file = tmp_path / "patient.json"
    file.write_text('{"resourceType": "Patient", "gender": "F"}')
    assert r4.errors(file)
