"""The FHIR R4 standard: element types, Bundles, outcomes. No I/O."""
