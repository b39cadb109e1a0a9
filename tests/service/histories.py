"""What happens to synthetic patients, as an admission and a laboratory feed tell it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

ADMISSIONS, LABORATORY = "admissions", "laboratory"
#: the messages of one feed about one patient, in their order
History = list[bytes]

_NOW = "20260105101500+0000"
_DOCTOR = "1234^Tester^Ada^^^^^^&2.999.3&ISO"
_FIRST, _SECOND = "WARD^1^A", "WARD^2^B"


def record_number(person: str) -> str:
    """PID-3 or MRG-1."""
    return f"{person}^^^&2.999.1&ISO^MR"


def visit_number(person: str) -> str:
    """PV1-19."""
    return f"{person}^^^&2.999.2&ISO^VN"


def told(kind: str, control_id: str, *segments: tuple[str, dict[int, str]]) -> bytes:
    """A message of segments with these fields."""
    sender = "LAB|TESTLAB" if kind.startswith("ORU") else "ADT|TESTCLINIC"
    head = f"MSH|^~\\&|{sender}|ENGINE|CLINIC|{_NOW}||{kind}|{control_id}|P|2.5.1"
    return "\r".join([head, *(_segment(*segment) for segment in segments), ""]).encode()


def _segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def admissions(person: str, dice: Random) -> History:
    """A stay, from admission to discharge; perhaps another record is merged into this one."""
    former = f"{person}T"
    full = {5: "Testpatient^Anna", 7: "19800101", 8: "F", 11: "1 Test St^^Testtown", 13: "555-0100"}
    history = [
        _adt("A01", person, "1", full, {3: _FIRST, 7: _DOCTOR, 14: "7", 44: _NOW}),
        _adt("A08", person, "2", {5: "Testpatient^Anna"}, {}),
        _adt("A02", person, "3", {5: "Testpatient^Anna"}, {3: _SECOND, 6: _FIRST}),
        _adt("A08", person, "4", {5: "Testpatient^Anna^B", 11: '""', 13: '""'}, {}),
        _adt("A03", person, "5", {5: "Testpatient^Anna^B"}, {36: "01", 44: _NOW, 45: "20260109"}),
    ]
    if dice.random() < 0.5:
        known = {5: "Testpatient^A", 8: "F"}
        place = dice.randrange(len(history))
        history.insert(place, _adt("A04", former, "6", known, {3: "CLINIC"}))
        merge = told(
            "ADT^A40^ADT_A39",
            f"A-{person}-7",
            ("EVN", {2: _NOW}),
            ("PID", {3: record_number(person), 5: "Testpatient^Anna"}),
            ("MRG", {1: record_number(former)}),
        )
        history.insert(dice.randrange(place + 1, len(history) + 1), merge)
    return history


def _adt(
    event: str, person: str, number: str, known: dict[int, str], visit: dict[int, str]
) -> bytes:
    return told(
        f"ADT^{event}^ADT_A01",
        f"A-{person}-{number}",
        ("EVN", {2: _NOW}),
        ("PID", {1: "1", 3: record_number(person), **known}),
        ("PV1", {1: "1", 2: "I", 19: visit_number(person), **visit}),
    )


def laboratory(person: str, dice: Random) -> History:
    """One order preliminary, final and corrected; others at some time, one of a former number."""
    history = [
        _result(person, "1", "P", "5.10"),
        _result(person, "1", "F", "5.40"),
        _result(person, "1", "C", "6.70"),
    ]
    history.insert(dice.randrange(4), _result(person, "2", "F", "4.00"))
    history.insert(dice.randrange(5), _result(f"{person}T", "3", "F", "4.50"))
    return history


def _result(person: str, order: str, status: str, value: str) -> bytes:
    numbers = {2: f"P-{person}-{order}", 3: f"F-{person}-{order}"}
    glucose = {2: "NM", 3: "2345-7^Glucose^LN", 6: "mg/dL^mg/dL^UCUM", 7: "70-99", 11: status}
    panel = {4: "24323-8^Panel^LN", 7: _NOW, 16: _DOCTOR, 22: _NOW, 24: "CH", 25: status}
    return told(
        "ORU^R01^ORU_R01",
        f"L-{person}-{order}-{status}",
        ("PID", {1: "1", 3: record_number(person), 5: "Testpatient^Anna"}),
        ("PV1", {1: "1", 2: "I", 19: visit_number(person)}),
        ("ORC", {1: "RE", **numbers}),
        ("OBR", {1: "1", **numbers, **panel}),
        ("OBX", {1: "1", 5: value, **glucose}),
        ("OBX", {1: "2", 5: "5.20", **glucose}),  # the same code once more
    )


def schedule(people: Sequence[str], dice: Random) -> dict[str, list[History]]:
    """For each feed what its two connections carry: each patient on one, all interleaved."""
    return {
        feed: [
            _interleaved([history(person, dice) for person in people[start::2]], dice)
            for start in (0, 1)
        ]
        for feed, history in ((ADMISSIONS, admissions), (LABORATORY, laboratory))
    }


def _interleaved(histories: list[History], dice: Random) -> History:
    """One of the orders that keep each history's own."""
    turns = [number for number, history in enumerate(histories) for _ in history]
    dice.shuffle(turns)
    left = [iter(history) for history in histories]
    return [next(left[number]) for number in turns]
