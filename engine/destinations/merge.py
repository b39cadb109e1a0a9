"""What a server holds and what a message says of it, as one resource.

PUT replaces a whole resource, and a message may say only part of it: what it does not mention
stays, what it deletes with ``""`` goes, and what it does not know does not hide what is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Body = dict[str, Any]

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def merge(held: Body, said: Body, removed: Iterable[str] = ()) -> Body:
    """The resource to write; ``held`` and ``said`` are left as they are.

    A list that the message says replaces the one that is held, but identifiers and extensions
    are united: other systems have theirs there.
    """
    made = {key: value for key, value in held.items() if key not in ("id", "meta", "text")}
    for key, value in said.items():
        if key in ("id", "meta") or (is_unknown(key, value) and _known(made, key)):
            continue
        if key == "identifier" and isinstance(value, list):
            made[key] = united(made.get(key, []), value, _identifier)
        elif key == "extension":
            made[key] = united(made.get(key, []), value, _url)
        else:
            made[key] = value
            made.pop("_" + key, None) if "_" + key not in said else None
    for element in removed:
        for key in (element, "_" + element):
            made.pop(key, None)
    return made


def is_unknown(key: str, value: Any) -> bool:
    """Whether a value only says that it is not known."""
    if value == "unknown" and key == "status":
        return True
    if isinstance(value, list):
        return bool(value) and all(is_unknown(key, item) for item in value)
    if not isinstance(value, dict) or set(value) != {"extension"}:
        return False
    return all(item.get("url") == ABSENT for item in value["extension"])


def _known(made: Body, key: str) -> bool:
    return key in made or key.removeprefix("_") in made


def united(held: list[Body], said: list[Body], name: Any) -> list[Body]:
    """Both lists; where both name the same thing, what the message says of it."""
    names = [name(item) for item in said]
    return [item for item in held if name(item) not in names] + list(said)


def _identifier(item: Body) -> tuple[Any, Any]:
    return item.get("system"), item.get("value")


def _url(item: Body) -> Any:
    return item.get("url")
