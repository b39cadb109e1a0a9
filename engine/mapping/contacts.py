"""HL7 v2 telephone numbers and addresses for messages (XTN, TN) as parts of a ContactPoint."""

from __future__ import annotations

from collections.abc import Sequence

#: Table 0202 as the guide maps it; CP says where a phone is used, and is a phone all the same.
_SYSTEMS = {
    "PH": "phone", "CP": "phone", "FX": "fax", "BP": "pager", "MD": "other", "SAT": "other",
    "TDD": "other", "TTY": "other", "INTERNET": "email", "X.400": "email",
}  # fmt: skip

#: Table 0201; what FHIR has no use for (an emergency number) stays unsaid.
_USES = {"PRN": "home", "ORN": "home", "WPN": "work", "VHN": "temp", "PRS": "mobile"}

_MESSAGES = frozenset({"INTERNET", "X.400"})


def _part(parts: Sequence[str], number: int) -> str:
    return parts[number - 1].strip() if number <= len(parts) else ""


def contact_system(parts: Sequence[str]) -> str | None:
    """The system of an XTN: its equipment (XTN.3), else what its use and its value give away."""
    equipment, use = _part(parts, 3), _part(parts, 2)
    found = _SYSTEMS.get(equipment.upper())
    if found == "email" and not _is_address(parts):
        return "url" if "://" in (contact_value(parts) or "") else "email"
    if found is not None:
        return found
    if use == "NET" or _part(parts, 4) or "@" in _part(parts, 1):
        return "email"
    if use == "BPN":
        return "pager"
    return None


def contact_use(parts: Sequence[str]) -> str | None:
    """The use of an XTN; the use of a mobile phone (CP) is mobile where XTN.2 says nothing."""
    found = _USES.get(_part(parts, 2).upper())
    if found is None and _part(parts, 3).upper() == "CP":
        return "mobile"
    return found


def contact_value(parts: Sequence[str]) -> str | None:
    """The number or address of an XTN, as the guide composes it.

    An address for messages is XTN.4 (before 2.3, XTN.1). A number is put together of country,
    area, local number and extension where the local number is there; else it is the unformatted
    one (XTN.12), else XTN.1 as the sender wrote it.
    """
    if _part(parts, 3).upper() in _MESSAGES or _part(parts, 2) == "NET":
        return _part(parts, 4) or _part(parts, 1) or _number(parts)
    return _number(parts) or _part(parts, 4) or None


def _number(parts: Sequence[str]) -> str | None:
    country, area, local, extension = (_part(parts, number) for number in (5, 6, 7, 8))
    if not local:
        return _part(parts, 12) or _part(parts, 1) or None
    pieces = ["+" + country.lstrip("+")] if country else []
    pieces += [area] if area else []
    pieces.append(local)
    pieces += ["X" + extension] if extension else []
    return " ".join(pieces)


def _is_address(parts: Sequence[str]) -> bool:
    return "@" in (contact_value(parts) or "")


def contact(parts: Sequence[str]) -> dict[str, str] | None:
    """System, value and use of an XTN; None when it holds no number and no address."""
    value = contact_value(parts)
    if not value:
        return None
    made = {"system": contact_system(parts), "value": value, "use": contact_use(parts)}
    return {key: text for key, text in made.items() if text}
