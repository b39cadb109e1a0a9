"""The standard library says what the guide's datatype maps say, component by component."""

from __future__ import annotations

import pytest

from engine.mapping.library import Mapping, load_library
from tests.mapping.guide import Probe, Result, component_probes, table

#: Rows of the guide's datatype maps that have a target.
ROWS = 617


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_library().mapping()


@pytest.fixture(scope="module")
def missed(mapping: Mapping) -> dict[int, Probe]:
    """The rows whose value does not appear where the guide wants it."""
    return {
        probe.row: probe
        for probe in component_probes()
        if not Result(mapping, probe.message()).has(probe)
    }


@pytest.fixture(scope="module")
def listed() -> dict[int, str]:
    return {int(row["row"]): row["reason"] for row in table("component_open.tsv")}


def test_ninety_five_of_a_hundred_components_appear_where_the_guide_wants_them(
    missed: dict[int, Probe],
) -> None:
    probes = component_probes()
    assert (len(probes) - len(missed)) / len(probes) >= 0.95, "\n".join(map(str, missed.values()))


def test_every_row_has_a_probe_or_a_reason(listed: dict[int, str]) -> None:
    probed = {probe.row for probe in component_probes()}
    assert probed | listed.keys() == set(range(1, ROWS + 1))


def test_every_component_that_stays_open_is_listed_with_its_reason(
    missed: dict[int, Probe], listed: dict[int, str]
) -> None:
    assert all(listed.values())
    assert [str(probe) for row, probe in missed.items() if row not in listed] == []


def test_no_listed_component_has_come_to_work_meanwhile(
    missed: dict[int, Probe], listed: dict[int, str]
) -> None:
    probed = {probe.row for probe in component_probes()}
    assert (listed.keys() & probed) - missed.keys() == set()
