"""The JSON Schema of the configuration, for editors: made from the keys themselves."""

from __future__ import annotations

from typing import Any

from engine.config.engine_keys import engine_block
from engine.config.keys import CHANNEL
from engine.config.kinds import Block
from engine.config.secrets import Reading

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def block_of(what: str) -> Block:
    """The keys of a channel file, or of engine.yaml."""
    return CHANNEL if what == "channel" else engine_block(Reading({}, str))


def schema(what: str = "channel") -> dict[str, Any]:
    """The schema of a channel file, or of engine.yaml (``what="engine"``)."""
    title = "a channel of mllp-engine" if what == "channel" else "engine.yaml of mllp-engine"
    return {"$schema": DRAFT, "title": title, **block_of(what).schema()}
