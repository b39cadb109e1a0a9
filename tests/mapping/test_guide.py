"""The standard library says what the HL7 v2-to-FHIR guide says, row by row."""

from __future__ import annotations

import pytest

from engine.mapping.library import Mapping, load_library
from tests.mapping.guide import Probe, Result, probes, table

pytestmark = pytest.mark.xdist_group("guide")  # all rows are mapped once for all tests


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_library().mapping()


@pytest.fixture(scope="module")
def missed(mapping: Mapping) -> dict[int, Probe]:
    """The rows whose value does not appear where the guide wants it."""
    return {
        probe.row: probe for probe in probes() if not Result(mapping, probe.message()).has(probe)
    }


def test_ninety_eight_of_a_hundred_values_appear_where_the_guide_wants_them(
    missed: dict[int, Probe],
) -> None:
    total = len(probes())
    assert total > 700
    assert (total - len(missed)) / total >= 0.98, "\n".join(map(str, missed.values()))


def test_every_row_that_stays_open_is_listed_with_its_reason(missed: dict[int, Probe]) -> None:
    listed = {int(row["row"]): row["reason"] for row in table("guide_open.tsv")}
    assert all(listed.values())
    unlisted = [str(probe) for row, probe in missed.items() if row not in listed]
    assert unlisted == []


def test_no_listed_row_has_come_to_work_meanwhile(missed: dict[int, Probe]) -> None:
    listed = {int(row["row"]) for row in table("guide_open.tsv")}
    assert listed - missed.keys() == set()
