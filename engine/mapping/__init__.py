"""From an HL7 v2 message and a mapping to FHIR resources and issues. Pure."""
