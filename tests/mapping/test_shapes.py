"""Code that is cut to the shape of a segment makes what the general code makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pytest

from engine.errors import MessageError
from engine.fhir.bundle import dump, transaction
from engine.hl7v2.batch import split
from engine.hl7v2.message import Message
from engine.mapping import shapes
from engine.mapping.library import Mapping, load_library
from engine.mapping.result import Context, Mapped
from tests.corpus import ROOT, corpus_files

LIBRARY = load_library()
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "shapes")
OBX = (
    "OBX|1|NM|718-7^Hemoglobin^LN||13.2|g/dL|12-16|N|||F|||20260101120000",
    "OBX|2|ST|600-7^Culture^LN||none|||N|||F",
    "OBX|3|NM|718-7^Hemoglobin^LN|1|>5~6|g/dL||||X|X",
    'OBX|4|CE|600-7^Culture^LN||""|||A~B|||C',
    "OBX|5|QQ|600-7^Culture^LN||x||| |||z",
    "OBX||^|600-7|||||||F",
)


class Cutting(Mapping):
    """Cuts code for a shape when it comes the first time."""

    often = 1


class General(Mapping):
    """Never cuts."""

    often = None


CUT, GENERAL = Cutting(LIBRARY.library()), General(LIBRARY.library())


@pytest.fixture(autouse=True)
def any_number_of_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "AT_MOST", 1 << 20)


def same(raws: Iterable[bytes]) -> int:
    """How many messages were the same."""
    count = 0
    for raw in raws:
        for single in split(raw).messages:
            try:
                cut, general = CUT.convert(*_read(single)), GENERAL.convert(*_read(single))
            except MessageError:
                continue
            assert _said(cut) == _said(general), single.split(b"\r")[0]
            count += 1
    return count


def _read(raw: bytes) -> tuple[Message, Context]:
    return Message.read(raw), CONTEXT


def _said(mapped: Mapped) -> tuple[object, ...]:
    about = [(item.criterion, item.removed, item.origin, item.uuid) for item in mapped.resources]
    bundle = dump(transaction(mapped.resources))
    return bundle, about, mapped.issues, mapped.hold, mapped.reject, mapped.unmapped


def test_shipped_cases_are_mapped_the_same() -> None:
    files = sorted(ROOT.glob("mappings/*/cases/*.hl7"))[::3]
    assert same(file.read_bytes() for file in files) >= len(files) > 15


def test_a_sample_of_the_corpus_is_mapped_the_same() -> None:
    assert same(file.raw for file in corpus_files()[::70]) > 10


@pytest.mark.parametrize("obx", OBX)
@pytest.mark.parametrize("field", [2, 5, 6, 8, 11, 14])
def test_each_field_of_a_result_may_be_filled_or_empty(obx: str, field: int) -> None:
    fields = obx.split("|") + [""] * 32
    fields[field] = "" if fields[field] else "X^Y^L"
    message = [
        "MSH|^~\\&|A|B|C|D|20260101||ORU^R01^ORU_R01|1|P|2.8",
        "PID|1||4711^^^LAB||TESTPATIENT^ANNA",
        "OBR|1|P1|F1|57021-8^CBC^LN|||20260101",
        "|".join(fields),
    ]
    assert same(["\r".join(message).encode()]) == 1


def test_a_shape_is_cut_when_it_has_come_often_and_only_so_many_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shapes, "AT_MOST", 1)
    mapping = Mapping(LIBRARY.library())
    shaped = mapping.plan("ORU_R01")["OBX"]

    def functions(obx: str) -> Sequence[shapes.SegmentFunction]:
        message = Message.parse(f"MSH|^~\\&|||||||ORU^R01^ORU_R01|1|P|2.8\r{obx}")
        return shaped.functions(mapping.run(message, CONTEXT), 1)

    general = functions(OBX[0])
    for _ in range(shapes.OFTEN):
        often, late = functions(OBX[0]), functions(OBX[1])
    assert often is not general
    assert late is general
