"""The 14-OBX laboratory result of all our figures, and endless variations of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

ORU14 = (Path(__file__).parent / "oru14.hl7").read_text(encoding="ascii").replace("\n", "\r")
_CONTROL_ID, _PATIENT, _FILLER = "MSG2024031500147", "100045821", "LAB2024-99817"
# Every identifier is a lane: one that all patients shared would make them wait for each other.
_SECURITY = "999-84-1122"
_FAMILIES = ("Testpatient", "Muster", "Sample", "Esempio", "Beispiel", "Ejemplo", "Voorbeeld")
_GIVEN = ("Anna", "Bert", "Clara", "David", "Edith", "Frank", "Greta", "Hugo", "Ida", "Jonas")


def oru14(number: int, patient: int) -> str:
    """Result ``number`` of a patient: ids, names, birth date and every value differ."""
    name = f"{_FAMILIES[patient % 7].upper()}^{_GIVEN[patient % 10].upper()}"
    born = f"{1930 + patient % 80}{1 + patient % 12:02}{1 + patient % 28:02}"
    text = (
        ORU14.replace(_CONTROL_ID, f"B{number:015}")
        .replace(_PATIENT, f"{100000000 + patient}")
        .replace(_SECURITY, f"999-{patient % 100:02}-{patient % 10000:04}")
        .replace(_FILLER, f"LAB-{number}")
        .replace("ORD774512", f"ORD-{number}")
        .replace("DOE^JANE", name)
        .replace("19740612", born)
    )
    return _vary(text, number)


def _vary(text: str, number: int) -> str:
    """Give every OBX-5 its own last digits."""
    lines = text.split("\r")
    for index, line in enumerate(lines):
        if line.startswith("OBX"):
            fields = line.split("|")
            fields[5] = f"{fields[5].partition('.')[0]}.{(number * 7 + index) % 100:02}"
            lines[index] = "|".join(fields)
    return "\r".join(lines)


def frames(patients: int, start: int = 0) -> Iterator[bytes]:
    """MLLP frames without end, cheap to make: a new control and filler number in each."""
    cut = [_template(oru14(1, patient)) for patient in range(patients)]
    number = start
    while True:
        number += 1
        yield cut[number % patients](f"{number:015}")


def _template(text: str) -> Callable[[str], bytes]:
    whole = text.replace("B000000000000001", "B%s").replace("LAB-1", "LAB-%s")
    parts = whole.replace("ORD-1", "ORD-%s").encode().split(b"%s")
    return lambda number: b"\x0b" + number.encode().join(parts) + b"\x1c\r"


def small_frames(patients: int, start: int = 0) -> Iterator[bytes]:
    """Frames of a short result: MSH, PID, OBR and one OBX."""
    cut = [_template("\r".join(_chosen(oru14(1, patient))) + "\r") for patient in range(patients)]
    number = start
    while True:
        number += 1
        yield cut[number % patients](f"{number:015}")


def _chosen(text: str) -> list[str]:
    lines = text.split("\r")
    return [line for line in lines if line.startswith(("MSH", "PID", "OBR", "OBX|1|"))]
