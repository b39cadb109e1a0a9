"""One dosage instruction for what several segments say of one dose.

RXE tells the dose, TQ1 when it is given, RXR by which route: parts of one Dosage, as long as no two
of them say different things. A second route or a second timing is an instruction of its own.
"""

from __future__ import annotations

from engine.mapping.made import Body


def fold(body: Body) -> None:
    """Join the instructions of a request or a dispense that do not contradict each other."""
    instructions = body.get("dosageInstruction", ())
    if len(instructions) < 2:
        return
    folded: list[Body] = []
    for instruction in instructions:
        for known in folded:
            if all(known.get(key, value) == value for key, value in instruction.items()):
                known.update(instruction)
                break
        else:
            folded.append(instruction)
    body["dosageInstruction"] = folded
