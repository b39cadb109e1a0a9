"""Code systems whose codes are all known: what is not among them is a code of the sender's own.

``mappings/standard/codesystems.csv`` lists those that FHIR 4.0.1 publishes whole (the HL7 tables,
version 3) or names as closed (ISO 3166 and 4217, US states). Large ones such as LOINC are not here:
of them nothing is denied.
"""

from __future__ import annotations

from collections.abc import Mapping


class CodeSystems:
    """Code systems by their URI; the codes of one are taken apart when it is first asked."""

    def __init__(self, listed: Mapping[str, str] | None = None) -> None:
        self._listed = listed or {}
        self._codes: dict[str, frozenset[str]] = {}

    def lacks(self, system: str, code: str) -> bool:
        """Whether a code is known not to be of this system."""
        codes = self._codes.get(system)
        if codes is None:
            listed = self._listed.get(system)
            if listed is None:
                return False  # not remembered: senders may name any number of systems
            codes = self._codes[system] = frozenset(listed.split("|"))
        return code not in codes
