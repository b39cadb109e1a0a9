"""Every key of a channel: the one definition that all else is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from engine.config.kinds import Block, ConditionKind, Key, ListOf, MapOf, NotBuilt
from engine.config.model import Ack, FhirDestination, FileDestination, MllpSource, Retry
from engine.config.values import (
    BOOLEAN,
    CHARSET,
    HOST,
    NETWORK,
    PORT,
    SECONDS,
    SECONDS_OR_NEVER,
    SIZE,
    TEXT,
    URI,
    WORD,
    ZONE,
    Fail,
    Scalar,
    choice,
    integer,
)
from engine.documents import Node, suggest
from engine.errors import Place
from engine.hl7v2.path import Path as FieldPath
from engine.mapping.known import unknown_path


def _field(text: str) -> FieldPath:
    path = FieldPath.parse(text)
    if path.field is None:
        raise ValueError("write it like PID-3")
    missing = unknown_path(path.segment, path.field, path.component)
    if missing is not None:
        what, instead = missing
        raise ValueError(f"{what}: {instead}" if instead else what)
    return path


FIELD = Scalar(_field, "the path of a field")

MLLP = Block(
    (
        Key(
            "port",
            PORT,
            "the TCP port to listen on; 0 is any free one",
            example="2575",
            required=True,
        ),
        Key("host", HOST, "the address to listen on; 0.0.0.0 is all of them", "127.0.0.1"),
        Key(
            "allow",
            ListOf(NETWORK),
            "the networks that may connect; all when left out",
            example="10.20.0.0/16",
        ),
        Key(
            "max_frame",
            SIZE,
            "the largest frame; a larger one is refused and its connection closed",
            "32 MiB",
        ),
        Key("frame_timeout", SECONDS, "how long a frame may take to arrive", "30s"),
        Key("idle_timeout", SECONDS_OR_NEVER, "close a silent connection after this time", "never"),
        Key(
            "connections",
            integer(1, 100_000),
            "how many at once; on a full port the address that has most of them gives up a silent "
            "one, never its only one, for the next",
            "200",
        ),
        Key(
            "tolerant", BOOLEAN, "let a bare FS end a frame when VT or silence follows it", "false"
        ),
        Key("tls", NotBuilt("TLS on a port"), "certificates"),
    ),
    MllpSource,
)

SOURCE = Block(
    (
        Key("mllp", MLLP, "listen for MLLP", required=True),
        Key(
            "charset",
            CHARSET,
            "the character set of messages whose MSH-18 is empty",
            "utf-8",
            "iso-8859-1",
        ),
        Key(
            "timezone",
            ZONE,
            "the zone of times without an offset: the sender's",
            example="America/New_York",
            required=True,
        ),
        Key("directory", NotBuilt("a directory as source"), "take files from a folder"),
    ),
    dict,
)

ACK = Block(
    (
        Key(
            "when",
            choice("stored", "mapped", "delivered"),
            "when the original or application acknowledgement leaves; mapped: a message is "
            "mapped for its answer, and again for its delivery",
            "stored",
        ),
        Key("timeout", SECONDS, "how long mapped or delivered may take", "30s"),
        Key("on_timeout", choice("AA", "AE"), "the answer after that time", "AE"),
    ),
    Ack,
)

RETRY = Block(
    (
        Key("initial", SECONDS, "the first wait; it doubles each time, with full jitter", "1s"),
        Key("limit", SECONDS, "the longest wait", "5m"),
        Key(
            "attempts",
            integer(1, 1_000_000),
            "give up after so many; for ever when left out",
            example="20",
        ),
    ),
    Retry,
)

_COMMON = (
    Key(
        "name",
        WORD,
        "its name in metrics, logs and the store; the server's or the file's when left out",
    ),
    Key("retry", RETRY, "how failures are tried again"),
    Key("on_dead", choice("continue", "hold"), "what a lane does after a dead letter", "continue"),
)

FHIR = Block(
    (
        Key(
            "fhir",
            WORD,
            "a FHIR server, by its name in engine.yaml",
            example="clinic",
            required=True,
            attribute="server",
        ),
        Key("write", choice("upsert", "own-ids", "create"), "how resources are written", "upsert"),
        *_COMMON,
    ),
    lambda **values: FhirDestination(**{"name": values["server"], **values}),
)

FILE = Block(
    (
        Key(
            "file",
            TEXT,
            "a file, one transaction Bundle per line; relative to the folder of engine.yaml",
            example="data/fhir.ndjson",
            required=True,
            attribute="path",
        ),
        *_COMMON,
    ),
    lambda **values: FileDestination(
        **{"name": Path(values["path"]).stem, **values, "path": Path(values["path"])}
    ),
)


@dataclass(frozen=True)
class Written:
    """A value with the place where it was written."""

    place: Place
    value: Any


class DestinationKind:
    """A destination: the key that names its kind tells which."""

    kinds: ClassVar[dict[str, Block]] = {"fhir": FHIR, "file": FILE}
    _later: ClassVar[dict[str, str]] = {"mllp": "an MLLP destination"}

    def read(self, node: Node, fail: Fail) -> Written | None:
        """Read the block of its kind."""
        advice = "write fhir: NAME, or file: PATH"
        if node.kind != "map":
            fail(node.place, "expected a destination here", advice)
            return None
        kinds = [name for name in self.kinds if name in node.entries]
        if len(kinds) == 1:
            value = self.kinds[kinds[0]].read(node, fail)
            return None if value is None else Written(node.place, value)
        for name in (name for name in self._later if name in node.entries):
            fail(node.keys[name], f"{self._later[name]} is not built yet", advice)
            return None
        if kinds:
            fail(node.place, "a destination is fhir: or file:, not both", "write two")
        else:
            near = (suggest(name, self.kinds) for name in node.entries)
            fail(node.place, "this says not where to deliver", next(filter(None, near), advice))
        return None

    def schema(self) -> dict[str, Any]:
        """Any of the kinds."""
        return {"anyOf": [block.schema() for block in self.kinds.values()]}


CHANNEL = Block(
    (
        Key("channel", WORD, "the name of the channel", example="north-lab", required=True),
        Key("description", TEXT, "what comes in here, in a sentence"),
        Key("owner", MapOf(TEXT), "who to ask: name, contact"),
        Key("system", MapOf(TEXT), "who sends: vendor, product, kind"),
        Key("source", SOURCE, "where messages come from", required=True),
        Key(
            "when",
            ConditionKind(),
            "which messages of a shared port are this channel's",
            example="MSH-4 is NORTH",
        ),
        Key(
            "strict",
            BOOLEAN,
            "refuse what the standard refuses, where we would be lenient",
            "false",
        ),
        Key("ack", ACK, "when senders are answered"),
        Key(
            "accept",
            ListOf(ConditionKind()),
            "what is taken, when any holds; anything else is answered AR",
            example="MSH-9.1 in (ORU, OML)",
        ),
        Key(
            "drop",
            ListOf(ConditionKind()),
            "what is answered AA, counted, and not delivered",
            example="any OBR-24 is RAD",
        ),
        Key(
            "assigner",
            MapOf(URI, FIELD),
            "field -> the system of its identifiers that name none",
            example="{PID-3: urn:oid:2.16.840.1.113883.19.4.6}",
        ),
        Key("mapping", WORD, "a mapping, by its name", "standard"),
        Key(
            "destinations",
            ListOf(DestinationKind()),
            "where the resources go",
            example="[{fhir: clinic}]",
            required=True,
        ),
        Key("duplicates", SECONDS_OR_NEVER, "how long a resend is known as one", "7d"),
        Key("silence", NotBuilt("an alert on silence"), "how long a channel may be silent"),
        Key(
            "unmapped",
            choice("report", "extension"),
            "what becomes of fields that no rule reads: reported, or kept as extensions too",
            "report",
        ),
        Key(
            "issues",
            choice("deliver", "hold", "reject"),
            "what becomes of a message with values that cannot be converted",
            "deliver",
        ),
    ),
    dict,
)
