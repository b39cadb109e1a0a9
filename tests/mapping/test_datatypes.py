"""Primitive conversions: what v2 texts become in FHIR, and what they never become."""

from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fhir.definitions import strict_problems, valid
from engine.mapping import datatypes as dt
from engine.mapping.datatypes import Unconvertible

NEW_YORK = ZoneInfo("America/New_York")
KOLKATA = ZoneInfo("Asia/Kolkata")


def plain(value: Any) -> Any:
    """A value as its JSON reads, decimals as text."""
    return orjson.dumps(value).decode()


# ---------------------------------------------------------------- dates and times


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2020", "2020"),
        ("202003", "2020-03"),
        ("20200301", "2020-03-01"),
        ("20200301-0500", "2020-03-01"),
        ("2020030107", "2020-03-01T07:00:00-05:00"),
        ("202003010730", "2020-03-01T07:30:00-05:00"),
        ("20200301073015", "2020-03-01T07:30:15-05:00"),
        ("20200301073015.1234", "2020-03-01T07:30:15.1234-05:00"),
        ("202003010730+0530", "2020-03-01T07:30:00+05:30"),
        ("20200301073015+00", "2020-03-01T07:30:15+00:00"),
        ("20200301073015Z", "2020-03-01T07:30:15Z"),
        ("20200301073015-0000", "2020-03-01T07:30:15-00:00"),
        (" 20200301 ", "2020-03-01"),
        ("20160229", "2016-02-29"),
        ("20200301235960", "2020-03-01T23:59:60-05:00"),
        ("2020-03", "2020-03"),
        ("2020-03-01", "2020-03-01"),
        ("2020-03-01T07:30:15.5+05:30", "2020-03-01T07:30:15.5+05:30"),
        ("2020-03-01 07:30", "2020-03-01T07:30:00-05:00"),
        ("", None),
    ],
)
def test_a_date_time_keeps_its_precision(text: str, wanted: str | None) -> None:
    assert dt.date_time(text, NEW_YORK) == wanted
    assert wanted is None or valid("dateTime", wanted)


@pytest.mark.parametrize(
    "text",
    [
        "20170229", "20260231", "00000000", "0000", "20201301", "20200100", "202013", "19000229",
        "20200301246000", "2020030125", "202003010760", "20200301073061", "2021022809540",
        "2004062916460000", "20230816123358-050", "20200301073015+1401", "20200301073015+0060",
        "DeIdentified", "63", "20200301T0730", "1.2", "２０２００３０１",
    ],
)  # fmt: skip
def test_an_impossible_date_is_refused_and_never_shifted(text: str) -> None:
    with pytest.raises(Unconvertible):
        dt.date_time(text, NEW_YORK)
    with pytest.raises(Unconvertible):
        dt.date(text)


@pytest.mark.parametrize(
    ("text", "zone", "offset"),
    [
        ("20200701120000", NEW_YORK, "-04:00"),
        ("20200101120000", NEW_YORK, "-05:00"),
        ("20200101120000", KOLKATA, "+05:30"),
        ("20200101120000", timezone(timedelta(hours=-9, minutes=-30)), "-09:30"),
        ("20200101120000", UTC, "+00:00"),
        ("20210314023000", NEW_YORK, "-05:00"),  # an hour that clocks leapt over stays as written
        ("20211107013000", NEW_YORK, "-04:00"),  # an hour that came twice is the first one
        ("18000101120000", NEW_YORK, "-04:56"),  # before standard time, to the minute
        ("20200101120000", None, "Z"),
    ],
)
def test_a_time_without_an_offset_is_local_to_the_feed(
    text: str, zone: tzinfo | None, offset: str
) -> None:
    found = dt.date_time(text, zone)
    assert found is not None
    assert found.endswith(offset)
    assert found[11:19].replace(":", "") == text[8:14]


@pytest.mark.parametrize(
    ("precision", "wanted"),
    [
        ("Y", "2020"), ("L", "2020"), ("M", "2020-03"), ("D", "2020-03-01"),
        ("H", "2020-03-01T07:00:00-05:00"), ("S", "2020-03-01T07:30:15-05:00"),
        ("", "2020-03-01T07:30:15-05:00"),
    ],
)  # fmt: skip
def test_the_degree_of_precision_says_how_much_counts(precision: str, wanted: str) -> None:
    assert dt.date_time("20200301073015", NEW_YORK, precision) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20170228", "2017-02-28"),
        ("201702", "2017-02"),
        ("2017", "2017"),
        ("20170228235959+0500", "2017-02-28"),
        ("", None),
    ],
)
def test_a_date_is_the_day_that_was_written(text: str, wanted: str | None) -> None:
    assert dt.date(text) == wanted


def test_a_date_of_a_precision_is_cut() -> None:
    assert dt.date("20170228", "M") == "2017-02"


def test_an_instant_needs_a_time() -> None:
    assert dt.instant("202003010730", NEW_YORK) == "2020-03-01T07:30:00-05:00"
    assert dt.instant("", NEW_YORK) is None
    for text in ("20200301", "2020", "x"):
        with pytest.raises(Unconvertible):
            dt.instant(text, NEW_YORK)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0730", "07:30:00"), ("07", "07:00:00"), ("073015", "07:30:15"),
        ("223100.0000", "22:31:00"), ("0632-0500", "06:32:00"), ("07:30", "07:30:00"),
        ("", None),
    ],
)  # fmt: skip
def test_a_time_of_day_has_seconds(text: str, wanted: str | None) -> None:
    assert dt.time(text) == wanted
    assert wanted is None or valid("time", wanted)


@pytest.mark.parametrize("text", ["2460", "24", "0760", "073060", "7", "noon", "20200101"])
def test_a_time_of_day_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible):
        dt.time(text)


def test_a_period_has_the_ends_that_are_there() -> None:
    assert dt.period("2020", "20210301", NEW_YORK) == {"start": "2020", "end": "2021-03-01"}
    assert dt.period("2020", "", NEW_YORK) == {"start": "2020"}
    assert dt.period("", "", NEW_YORK) is None


@given(st.text(alphabet="0123456789-+.:TZ ", max_size=26))
def test_any_text_gives_a_valid_date_time_or_is_refused(text: str) -> None:
    try:
        found = dt.date_time(text, KOLKATA)
    except Unconvertible:
        return
    assert found is None or valid("dateTime", found)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5.10", "5.10"), (".5", "0.5"), ("+5", "5"), ("-.50", "-0.50"), ("007.10", "7.10"),
        ("5.", "5"), ("0", "0"), ("0.0", "0.0"), ("1769.8593", "1769.8593"), (" 5 ", "5"),
        ("12345678901234567890.123456789", "12345678901234567890.123456789"), ("1e5", "1e5"),
    ],
)  # fmt: skip
def test_a_decimal_keeps_the_digits_of_its_source(text: str, wanted: str) -> None:
    assert plain(dt.decimal(text)) == wanted
    assert valid("decimal", wanted)


@pytest.mark.parametrize("text", ["1,000", "1 000", "<5", "", ".", "-", "abc", "5-6", "NaN", "1e"])
def test_what_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible):
        dt.digits(text)


def test_the_same_text_is_the_same_decimal() -> None:
    assert dt.decimal("5.10") is dt.decimal("5.10")
    assert dt.decimal("") is None


@given(st.text(alphabet="0123456789-+.eE ", max_size=12))
def test_any_text_gives_a_valid_decimal_or_is_refused(text: str) -> None:
    try:
        found = dt.digits(text)
    except Unconvertible:
        return
    assert valid("decimal", found)


def test_whole_numbers() -> None:
    assert (dt.integer("5"), dt.integer("+5"), dt.integer("5.0"), dt.integer("-5")) == (5, 5, 5, -5)
    assert (dt.positive_int("1"), dt.unsigned_int("0")) == (1, 0)
    assert (dt.integer(""), dt.positive_int(""), dt.unsigned_int("")) == (None, None, None)


@pytest.mark.parametrize(
    ("convert", "text"),
    [
        (dt.integer, "5.1"), (dt.integer, "1e5"), (dt.integer, "2147483648"), (dt.integer, "x"),
        (dt.positive_int, "0"), (dt.unsigned_int, "-1"),
    ],
)  # fmt: skip
def test_whole_numbers_out_of_their_range_are_refused(convert: Any, text: str) -> None:
    with pytest.raises(Unconvertible):
        convert(text)


def test_yes_and_no() -> None:
    assert [dt.boolean(text) for text in ("Y", "n", "Yes", "false", "")] == [
        True, False, True, False, None,
    ]  # fmt: skip
    for text in ("U", "1", "x"):
        with pytest.raises(Unconvertible):
            dt.boolean(text)


# ---------------------------------------------------------------- SN, NR, NA


@pytest.mark.parametrize(
    ("parts", "kind", "value"),
    [
        (("", "100"), "Quantity", '{"value":100}'),
        ((">", "100"), "Quantity", '{"value":100,"comparator":">"}'),
        (("=", "5.0"), "Quantity", '{"value":5.0}'),
        (("<0.10",), "Quantity", '{"value":0.10,"comparator":"<"}'),
        (("", "1", "-", "3"), "Range", '{"low":{"value":1},"high":{"value":3}}'),
        (("", "1", ":", "128"), "Ratio", '{"numerator":{"value":1},"denominator":{"value":128}}'),
        ((">", "1", "/", "2"), "Ratio",
         '{"numerator":{"value":1,"comparator":">"},"denominator":{"value":2}}'),
        (("", "2", "+"), "string", '"2+"'),
        (("<>", "1"), "string", '"<>1"'),
        (("", "test"), "string", '"test"'),
        (("", "1", "-", "x"), "string", '"1-x"'),
        (("", "", "-", "3"), "string", '"-3"'),
    ],
)  # fmt: skip
def test_a_structured_numeric_finds_its_type(parts: tuple[str, ...], kind: str, value: str) -> None:
    found = dt.structured_numeric(*parts)
    assert found is not None
    assert (found.type, plain(found.value), found.original) == (kind, value, "")


def test_a_structured_numeric_that_fhir_cannot_say_whole_keeps_its_writing() -> None:
    range_ = dt.structured_numeric(">", "1", "-", "3")
    assert range_ is not None
    assert (range_.type, range_.original) == ("Range", ">1-3")
    ratio = dt.structured_numeric('"', "1", ":", "3")
    assert ratio is not None
    assert (ratio.type, ratio.original) == ("Ratio", '"1:3')


def test_an_empty_structured_numeric_is_nothing() -> None:
    assert dt.structured_numeric("", "", "", "") is None
    assert dt.structured_numeric("") is None


def test_a_numeric_range() -> None:
    assert plain(dt.numeric_range("1", "10")) == '{"low":{"value":1},"high":{"value":10}}'
    assert plain(dt.numeric_range("", "10")) == '{"high":{"value":10}}'
    assert dt.numeric_range("", "") is None


def test_arrays_are_sampled_data() -> None:
    vector = dt.sampled_data([["125", "34.0", "", "-22"]], {"unit": "mV"})
    assert vector is not None
    assert (vector["dimensions"], vector["data"]) == (1, "125 34.0 E -22")
    assert vector["origin"] == {"value": 0, "unit": "mV"}
    matrix = dt.sampled_data([["1", "2"], ["3"]])
    assert matrix is not None
    assert (matrix["dimensions"], matrix["data"]) == (2, "1 2 3 E")
    assert dt.sampled_data([[""]]) is None
    with pytest.raises(Unconvertible):
        dt.sampled_data([["1", "x"]])


# ---------------------------------------------------------------- reference ranges


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("3.5-5.1", "3.5", "5.1", ""),
        ("0.0 - 5", "0.0", "5", ""),
        ("(3.5 - 5.1)", "3.5", "5.1", ""),
        ("[1-2]", "1", "2", ""),
        ("-2 - +2", "-2", "2", ""),
        ("-5--1", "-5", "-1", ""),
        ("0.37-.70", "0.37", "0.70", ""),
        ("3.5–5.1", "3.5", "5.1", ""),
        ("3.5 to 5.1", "3.5", "5.1", ""),
        ("3.5-5.1 mmol/L", "3.5", "5.1", "mmol/L"),
        ("649-1346 cells/mcL", "649", "1346", "cells/mcL"),
        ("4-6%", "4", "6", "%"),
        (">60", "60", None, ""),
        (">=2.079", "2.079", None, ""),
        ("above 5", "5", None, ""),
        ("<= 5", None, "5", ""),
        ("<0.50 IU/mL", None, "0.50", "IU/mL"),
        ("≤5", None, "5", ""),
        ("≥5", "5", None, ""),
        ("Up to 5", None, "5", ""),
        ("<18.00", None, "18.00", ""),
    ],
)
def test_a_reference_range_that_can_be_read(
    text: str, low: str | None, high: str | None, unit: str
) -> None:
    assert dt.reference_range(text) == (low, high, unit)


@pytest.mark.parametrize(
    "text",
    [
        "negative", "Not Detected", "", "5", "1:10", "3,5-5,1", "70_105", "5.1-3.5", "0.37-.070",
        "<130 optimal", "<10 = Negative", "range of a few", "2020-01-02", "1-2-3", "0-5 per field",
        "<", "-",
    ],
)  # fmt: skip
def test_a_reference_range_that_needs_a_guess_stays_text(text: str) -> None:
    assert dt.reference_range(text) is None


# ---------------------------------------------------------------- contacts


@pytest.mark.parametrize(
    ("xtn", "wanted"),
    [
        ("^PRN^PH^^1^555^1234567^12", ("phone", "+1 555 1234567 X12", "home")),
        ("^WPN^PH^^^555^1234567", ("phone", "555 1234567", "work")),
        ("^PRN^PH^^^^1234567", ("phone", "1234567", "home")),
        ("^PRN^PH^^+1^555^1234567^^^^^15551234567", ("phone", "+1 555 1234567", "home")),
        ("^WPN^CP^^^^^^^^^15551234567", ("phone", "15551234567", "work")),
        ("^^CP^^^^^^^^^15551234567", ("phone", "15551234567", "mobile")),
        ("(555)555-1212^PRN^PH", ("phone", "(555)555-1212", "home")),
        ("(555)555-1212", (None, "(555)555-1212", None)),
        ("^NET^Internet^anna@example.org", ("email", "anna@example.org", None)),
        ("anna@example.org^NET^X.400", ("email", "anna@example.org", None)),
        ("^^^anna@example.org", ("email", "anna@example.org", None)),
        ("anna@example.org", ("email", "anna@example.org", None)),
        ("^NET^Internet^https://example.org", ("url", "https://example.org", None)),
        ("^ORN^FX^^^555^1234567", ("fax", "555 1234567", "home")),
        ("5551234^BPN", ("pager", "5551234", None)),
        ("5551234^EMR^TDD", ("other", "5551234", None)),
    ],
)
def test_a_contact_is_put_together_as_the_guide_says(
    xtn: str, wanted: tuple[str | None, ...]
) -> None:
    found = dt.contact(xtn.split("^")) or {}
    assert tuple(found.get(key) for key in ("system", "value", "use")) == wanted
    assert strict_problems({"resourceType": "Patient", "telecom": [found]}) == []


def test_a_contact_without_a_number_is_nothing() -> None:
    assert dt.contact(["", "PRN", "PH", ""]) is None


# ---------------------------------------------------------------- documents


@pytest.mark.parametrize(
    ("kind", "subtype", "data", "wanted"),
    [
        ("application", "pdf", "", "application/pdf"),
        ("AP", "PDF", "", "application/pdf"),
        ("PDF", "", "", "application/pdf"),
        ("Image", "JPEG", "", "image/jpeg"),
        ("TEXT", "", "", "text/plain"),
        ("text", "html", "", "text/html"),
        ("text", "xml", "", "text/xml"),
        ("text", "rtf", "e1xydGYx", "text/rtf"),
        ("multipart", "x-hl7-cda-level-one", "PD94bWw=", "application/hl7-cda-level-one+xml"),
        ("image", "svg+xml", "", "image/svg+xml"),
        ("application/pdf", "", "", "application/pdf"),
        ("", "", "JVBERi0x", "application/pdf"),
        ("application", "octet-stream", "/9j/4AAQ", "image/jpeg"),
        ("text", "plain", "JVBERi0x", "application/pdf"),
        ("NS", "", "", None),
        ("", "", "SGVsbG8=", None),
    ],
)
def test_the_type_of_a_document(kind: str, subtype: str, data: str, wanted: str | None) -> None:
    assert dt.content_type(kind, subtype, data) == wanted


@pytest.mark.parametrize(
    ("data", "encoding", "wanted"),
    [
        ("JVBERi0x", "Base64", "JVBERi0x"),
        ("JVBE\r\nRi0x ", "BASE64", "JVBERi0x"),
        ("SGVsbG8", "Base64", "SGVsbG8="),
        ("48656c6c 6f", "Hex", "SGVsbG8="),
        ("Hi ü", "A", "SGkgw7w="),
        ("JVBERi0x", "", "JVBERi0x"),
        ("Hello", "", "SGVsbG8="),
        ("", "Base64", None),
    ],
)
def test_a_document_becomes_base64(data: str, encoding: str, wanted: str | None) -> None:
    assert dt.encoded(data, encoding) == wanted


@pytest.mark.parametrize(
    ("data", "encoding"),
    [("JVBER*", "Base64"), ("QUJDR", "Base64"), ("4865x", "Hex"), ("x", "uuencode")],
)
def test_a_document_that_is_not_what_it_says_is_refused(data: str, encoding: str) -> None:
    with pytest.raises(Unconvertible):
        dt.encoded(data, encoding)


def test_a_pointer_is_a_url() -> None:
    assert dt.pointer(" https://example.org/1.pdf ") == "https://example.org/1.pdf"
    assert dt.pointer("") is None
    with pytest.raises(Unconvertible):
        dt.pointer("share one/a b.pdf")


# ---------------------------------------------------------------- text, names, timing


def test_free_text_has_the_line_ends_and_characters_that_fhir_can_hold() -> None:
    assert dt.plain_text("  one line ") == "one line"
    assert dt.plain_text("a \r\nb\rc\x07\n\td\n") == "a\nb\nc\n\td"


def test_a_name_in_one_line() -> None:
    parts = ["Testpatient", "Anna", "B", "Jr", "Dr", "MD"]
    assert dt.person_name(parts) == "Dr Anna B Testpatient Jr MD"
    assert dt.person_name(parts, "F") == "Dr Testpatient B Anna Jr MD"
    assert dt.person_name([*parts[:2], *[""] * 11, "PhD"]) == "Anna Testpatient PhD"
    assert dt.person_name(["", " "]) is None


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("Q6H", {"frequency": 1, "period": 6, "periodUnit": "h"}),
        ("Q2L", {"frequency": 1, "period": 2, "periodUnit": "mo"}),
        ("bid", {"frequency": 2, "period": 1, "periodUnit": "d"}),
        ("3ID", {"frequency": 3, "period": 1, "periodUnit": "d"}),
        ("Q2J51", {"period": 2, "periodUnit": "wk", "dayOfWeek": ["mon", "fri"]}),
        ("ACM", {"when": ["ACM"]}),
        ("Once", {"count": 1}),
        ("PRN", None),
        ("Q0H", None),
        ("", None),
    ],
)
def test_repeat_patterns(code: str, wanted: dict[str, Any] | None) -> None:
    found = dt.repeat_pattern(code)
    assert found == wanted
    timing = {"occurrenceTiming": {"repeat": found}} if found else {}
    request = {"resourceType": "ServiceRequest", "status": "active", "intent": "order"}
    subject = {"subject": {"display": "Testpatient, Anna"}}
    assert strict_problems({**request, **subject, **timing}) == []


def test_times_of_day_and_lengths_of_time() -> None:
    assert dt.times_of_day("0730,1200,") == ["07:30:00", "12:00:00"]
    assert dt.times_of_day("") is None
    found = dt.duration("D10")
    assert plain(found) == (
        '{"value":10,"unit":"d","system":"http://unitsofmeasure.org","code":"d"}'
    )
    assert dt.duration("M30") is not None
    assert dt.duration("") is None
    for text in ("INDEF", "X3", "10 days"):
        with pytest.raises(Unconvertible):
            dt.duration(text)


@pytest.mark.parametrize(
    "text", ["Q99999999999H", "99999999999ID", "Q99999999999J1", f"Q{'9' * 5000}H"]
)
def test_a_repeat_pattern_with_a_number_that_fhir_has_none_for_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible, match="too large"):
        dt.repeat_pattern(text)


@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 5000, "2147483648"])
def test_a_whole_number_of_any_length_is_refused_by_its_size(text: str) -> None:
    with pytest.raises(Unconvertible, match="too large"):
        dt.integer(text)
