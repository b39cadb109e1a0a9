"""Names that FHIR and the IETF have given to things."""

from __future__ import annotations

#: Short for the extension that says why there is no value (R4, a core extension).
ABSENCE = "data-absent-reason"
ABSENT = f"http://hl7.org/fhir/StructureDefinition/{ABSENCE}"
#: The system of an identifier that is a URI itself (R4, Identifier.system).
URIS = "urn:ietf:rfc:3986"
