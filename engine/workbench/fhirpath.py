"""FHIRPath over a Bundle: the assertions that may stand beside a case."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.documents import suggest
from engine.fhir import definitions

_COMMENT = "//"
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
_TYPES = re.compile(
    r"\b(?:ofType|is|as)\(\s*(?:FHIR\.|System\.)?([A-Za-z]\w*)\s*\)"
    r"|\s(?:is|as)\s+(?:FHIR\.|System\.)?([A-Za-z]\w*)"
)
#: Types of FHIRPath itself, and those that only others derive from.
_SYSTEM = frozenset(
    ["Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "Resource",
     "DomainResource", "Element", "BackboneElement"]
)  # fmt: skip


def failures(file: Path, bundle: bytes) -> list[str]:
    """What of a file's assertions does not hold; one stands on each line."""
    found = []
    # 10.20 of the Bundle and of an assertion are one number only as decimals
    read = json.loads(bundle, parse_float=Decimal)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return [f"{file.name}: the file is not UTF-8"]
    for number, line in enumerate(lines, 1):
        expression = line.strip()
        if expression and not expression.startswith(_COMMENT):
            given = _misspelt(expression) or evaluated(expression, read)
            if given != [True]:
                found.append(f"{file.name}:{number}: {expression}\n  + {_told(given)}")
    return found


def _misspelt(expression: str) -> str:
    """A type that R4 does not have: nothing is of it, which many an assertion holds for true."""
    for match in _TYPES.finditer(_QUOTED.sub("''", expression)):
        name = match[1] or match[2]
        if not _is_type(name):
            near = suggest(name, definitions.resource_types())
            return f"R4 has no type '{name}'" + (f" ({near})" if near else "")
    return ""


def _is_type(name: str) -> bool:
    return name in _SYSTEM or definitions.is_primitive(name) or definitions.is_type(name)


def evaluated(expression: str, resource: dict[str, Any]) -> list[Any] | str:
    """What an expression gives, or why it gives nothing."""
    # Here, and not above: loading its parser takes time that only assertions need.
    from fhirpathpy import evaluate
    from fhirpathpy.models import models

    try:
        return list(evaluate(resource, expression, {}, models["r4"]))
    except LookupError:  # what its parser does with a syntax error
        return "this is not FHIRPath"
    except Exception as error:  # the library has no exception of its own
        return f"this is not FHIRPath: {error}"


def _told(given: list[Any] | str) -> str:
    if isinstance(given, str):
        return given
    return ", ".join(map(str, given)) or "nothing"
