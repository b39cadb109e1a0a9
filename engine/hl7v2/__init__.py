"""The HL7 v2 standard: frames, characters, messages, acknowledgements. No I/O."""
