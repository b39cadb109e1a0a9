"""The dictionary answers for every version, and for what versions took away."""

import pytest

from engine.hl7v2 import dictionary
from engine.hl7v2.dictionary import VARIES, components, field, nearest_version


def test_a_field_has_the_name_type_and_table_of_the_newest_version() -> None:
    sex = field("PID", 8)
    assert sex is not None
    assert (sex.name, sex.type, sex.table) == ("Administrative Sex", "CWE", "0001")
    identifiers = field("PID", 3)
    assert identifiers is not None
    assert (identifiers.type, identifiers.repeats, identifiers.required) == ("CX", True, True)


@pytest.mark.parametrize(
    ("segment", "number", "datatype"),
    [
        ("PID", 2, "CX"),
        ("PID", 4, "CX"),
        ("PID", 19, "ST"),
        ("OBR", 15, "SPS"),
        ("OBR", 27, "TQ"),
        ("ORC", 7, "TQ"),
        ("PV1", 52, "XCN"),
        ("AL1", 6, "DT"),
        ("DG1", 4, "ST"),
        ("TQ1", 2, "CQ"),
    ],
)
def test_a_withdrawn_field_keeps_the_last_type_it_had(
    segment: str, number: int, datatype: str
) -> None:
    found = field(segment, number)
    assert found is not None
    assert found.type == datatype


def test_the_tables_of_hl7apy_that_contradict_each_other_do_not_mislead() -> None:
    # SEGMENTS of 2.7 gives OBR-27 the type of OBR-26
    assert field("OBR", 27, "2.7") == field("OBR", 27, "2.6")


@pytest.mark.parametrize(
    ("version", "datatype"),
    [("2.1", "CK"), ("2.2", "CM_PAT_ID"), ("2.3", "CX"), ("2.5.1", "CX"), ("2.8.2", "CX")],
)
def test_a_version_gives_its_own_definition(version: str, datatype: str) -> None:
    found = field("PID", 3, version)
    assert found is not None
    assert found.type == datatype


def test_a_version_that_lacks_a_field_takes_the_nearest_other_one() -> None:
    assert field("PID", 39, "2.3") == field("PID", 39, "2.4")  # used before it was defined
    assert field("PID", 2, "2.8") == field("PID", 2, "2.6")  # used after it was withdrawn


@pytest.mark.parametrize(("segment", "number"), [("PR1", 11), ("PR1", 12)])
def test_a_field_withdrawn_by_its_cardinality_alone_is_withdrawn(segment: str, number: int) -> None:
    found = field(segment, number)
    assert found is not None
    assert found.type == "XCN"
    timing = field("SCH", 11)
    assert timing is not None
    assert timing.type == "TQ"


def test_fields_of_2_9_are_known() -> None:
    found = field("OBX", 33)
    assert found is not None
    assert found.type == "EIP"
    assert dictionary.field_count("MSH") == 28


def test_the_untyped_fields_of_2_1_have_the_type_of_2_2() -> None:
    found = field("OBR", 2, "2.1")
    assert found is not None
    assert found.type == "CM_PLACER"


def test_what_the_message_types_itself_varies() -> None:
    found = field("OBX", 5)
    assert found is not None
    assert found.type == VARIES


def test_unknown_segments_and_fields_are_none() -> None:
    assert field("ZZZ", 1) is None
    assert field("PID", 99) is None
    assert dictionary.segment("ZZZ") is None
    assert dictionary.field_count("ZZZ") == 0


def test_a_segment_has_every_field_it_ever_had() -> None:
    allergy = dictionary.segment("AL1")
    assert allergy is not None
    assert sorted(allergy.fields) == [1, 2, 3, 4, 5, 6]
    assert dictionary.field_count("PID") == 40


@pytest.mark.parametrize(
    ("datatype", "types"),
    [
        ("TS", ["DTM", "ID"]),
        ("CE", ["ST", "ST", "ID", "ST", "ST", "ID"]),
        ("CM_MSG", ["ID", "ID"]),
        ("SN", ["ST", "NM", "ST", "NM"]),
        ("DR", ["DTM", "DTM"]),
        ("HD", ["IS", "ST", "ID"]),
    ],
)
def test_components_of_every_version_are_known(datatype: str, types: list[str]) -> None:
    assert [component.type for component in components(datatype)] == types


@pytest.mark.parametrize("datatype", ["CN", "SPS", "TQ", "CK", "CF", "PN", "CM_PLACER", "ED", "RP"])
def test_datatypes_that_versions_dropped_still_have_components(datatype: str) -> None:
    assert components(datatype)


def test_withdrawn_components_keep_the_last_type_and_table_they_had() -> None:
    assert components("XTN")[0].name == "Telephone Number"
    assert components("XON")[2].type == "NM"
    validity = components("XPN")[9]
    assert (validity.name, validity.type) == ("Name Validity Range", "DR")
    assert components("CX")[4].table == "0203"  # later versions leave the table out


def test_every_component_of_every_datatype_has_a_type() -> None:
    for version in dictionary.VERSIONS:
        for datatype in dictionary._tables(version).DATATYPES_STRUCTS:
            for component in components(datatype):
                assert component.type not in ("", "WD", "CM"), datatype


def test_a_segment_that_hl7apy_has_in_a_shape_of_its_own_is_left_out() -> None:
    assert dictionary.field_count("ORO") == 0
    pharmacy = dictionary.segment("RX1")  # of 2.1, with one field that nobody ever typed
    assert pharmacy is not None
    assert 9 not in pharmacy.fields


def test_primitives_have_no_components() -> None:
    assert components("ST") == ()
    assert components("NOPE") == ()


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.5.1", "2.5.1"),
        (" 2.4 ", "2.4"),
        ("2.5.1.2", "2.5.1"),
        ("2.3.2", "2.3.1"),
        ("2.9", "2.8.2"),
        ("2.0", "2.1"),
        ("2.4^USA", "2.4"),
        ("", "2.8.2"),
        ("2.x", "2.8.2"),
        ("v2", "2.8.2"),
        ("3", "2.8.2"),
    ],
)
def test_an_odd_version_is_read_as_the_nearest_lower_one(text: str, version: str) -> None:
    assert nearest_version(text) == version


@pytest.mark.parametrize(
    ("segment", "number", "name"),
    [
        ("PID", 6, "Mother's Maiden Name"),
        ("PID", 7, "Date/Time of Birth"),
        ("MSH", 12, "Version ID"),
        ("AL1", 1, "Set ID AL1"),
        ("OBX", 3, "Observation Identifier"),
        ("PID", 19, "SSN Number Patient"),
    ],
)
def test_names_are_spelled_as_the_standard_prints_them(
    segment: str, number: int, name: str
) -> None:
    found = field(segment, number)
    assert found is not None
    assert found.name == name


def test_every_field_of_every_version_has_a_type() -> None:
    for version in dictionary.VERSIONS:
        for number in range(1, dictionary.field_count("OBR") + 1):
            found = field("OBR", number, version)
            assert found is not None
            assert found.type not in ("", "WD", "CM")
            assert found.name
