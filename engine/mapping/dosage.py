"""One dosage instruction for what several segments say of one dose.

RXE tells the dose, TQ1 when it is given, RXR by which route: parts of one Dosage, as long as no two
of them say different things. A second route or a second timing is an instruction of its own.
"""

from __future__ import annotations

from engine.mapping.made import Body
from engine.mapping.runtime import Run


def fold(run: Run, body: Body) -> None:
    """Join the instructions of a request or a dispense that do not contradict each other."""
    instructions = body["dosageInstruction"]
    if len(instructions) < 2:
        return
    folded: list[Body] = []
    for instruction in instructions:
        said = run.plain(instruction)
        for known in folded:
            told = run.plain(known)
            if all(told.get(key, value) == value for key, value in said.items()):
                _add(run, known, instruction)
                break
        else:
            folded.append(instruction)
    body["dosageInstruction"] = folded


def _add(run: Run, known: Body, instruction: Body) -> None:
    for key, value in instruction.items():
        if key in known:
            run.repeat(value)
        else:
            known[key] = value
