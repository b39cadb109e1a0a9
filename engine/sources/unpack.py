"""The messages of one frame."""

from __future__ import annotations

from codecs import BOM_UTF8

from engine.errors import ErrorCode, MessageError
from engine.hl7v2.batch import Parts, count_messages

_ENVELOPE = (b"FHS", b"BHS", b"BTS", b"FTS")


def unpack(payload: bytes) -> Parts | None:
    """The pieces of the batch that a frame holds, or None for what is one message.

    Raises:
        MessageError: several messages without an envelope. One frame, one message: a sender
            that waits for one answer would take the second for that of its next message.

    """
    if payload[:3] != b"MSH" and payload.removeprefix(BOM_UTF8).lstrip().startswith(_ENVELOPE):
        parts = Parts(payload)
        if not count_messages(payload, 1):
            raise MessageError("a batch without messages", code=ErrorCode.SEGMENT_SEQUENCE_ERROR)
        return parts
    # A second MSH; the search is a plain one, for each frame passes here.
    second = b"\rMSH" in payload or (b"\n" in payload and b"\nMSH" in payload)
    if second and count_messages(payload.removeprefix(BOM_UTF8), 2) > 1:
        what = "several messages in one frame, and no batch header (FHS, BHS) before them"
        raise MessageError(what, code=ErrorCode.SEGMENT_SEQUENCE_ERROR)
    return None
