"""mllp-engine: HL7 v2 in over MLLP, FHIR R4 out, and nothing lost between."""

__version__ = "0.1.0"
