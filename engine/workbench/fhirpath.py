"""FHIRPath over a Bundle: the assertions that may stand beside a case."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

_COMMENT = "//"


def failures(file: Path, bundle: bytes) -> list[str]:
    """What of a file's assertions does not hold; one stands on each line."""
    found = []
    # 10.20 of the Bundle and of an assertion are one number only as decimals
    read = json.loads(bundle, parse_float=Decimal)
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        expression = line.strip()
        if expression and not expression.startswith(_COMMENT):
            given = evaluated(expression, read)
            if given != [True]:
                found.append(f"{file.name}:{number}: {expression}\n  + {_told(given)}")
    return found


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
