"""Synthetic messages whose numbers can be found again in whatever the engine makes of them."""

import re

NUMBER = re.compile(rb"FILLER-([A-Z]+)-(\d+)")

_RESULT = """\
MSH|^~\\&|ACCEPT|TESTLAB|ENGINE|CLINIC|20260105101500+0000||ORU^R01^ORU_R01|{lane}-{number}|P|2.5.1
PID|1||{lane}^^^TESTLAB^MR||Testpatient^Anna||19800101|F
ORC|RE|PLACER-{lane}-{number}|FILLER-{lane}-{number}
OBR|1|PLACER-{lane}-{number}|FILLER-{lane}-{number}|2345-7^Glucose^LN|||20260105100000+0000|||||||||||||||20260105101400+0000||CH|F
OBX|1|NM|2345-7^Glucose^LN||{value}|mg/dL^mg/dL^UCUM|70-99|N|||F
"""


def result(lane: str, number: int) -> bytes:
    """One glucose result of patient ``lane``, number ``number`` in that patient's order."""
    value = 60 + number % 40
    text = _RESULT.format(lane=lane, number=number, value=value)
    return text.replace("\n", "\r").encode()


def control_id(lane: str, number: int) -> str:
    """The MSH-10 of result()."""
    return f"{lane}-{number}"


def number_in(output: bytes) -> tuple[str, int] | None:
    """The lane and number of the result from which some output was made."""
    found = NUMBER.search(output)
    return (found[1].decode(), int(found[2])) if found else None
