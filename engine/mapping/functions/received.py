"""The message itself, as it came."""

from __future__ import annotations

import base64
from urllib.parse import quote

from engine.mapping.runtime import Run


def original(run: Run) -> str:
    """The whole message in base64, in its own character set."""
    message = run.message
    return base64.b64encode(message.text.encode(message.charset, "replace")).decode()


def channel(run: Run) -> str:
    """The channel that a message came through, as a URI."""
    return "urn:mllp-engine:" + quote(run.context.channel, safe="")


def received(run: Run) -> str:
    """When the message was received, to the second."""
    return run.context.received_at.isoformat(timespec="seconds")
