"""The JSON Schema of the configuration, for editors: made from the keys themselves."""

from __future__ import annotations

from typing import Any

from engine.config.keys import CHANNEL, engine
from engine.config.kinds import Reading

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(what: str = "channel") -> dict[str, Any]:
    """The schema of a channel file, or of engine.yaml (``what="engine"``)."""
    block = CHANNEL if what == "channel" else engine(Reading({}, str))
    return {"$schema": DRAFT, "title": f"mllp-engine: {what}", **block.schema()}
