"""Every key of engine.yaml and of a channel: the one definition that all else is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from engine.config.kinds import (
    BOOLEAN,
    CHARSET,
    NETWORK,
    REQUIRED,
    SECONDS,
    SIZE,
    TEXT,
    URL,
    ZONE,
    Block,
    ConditionKind,
    Fail,
    Key,
    ListOf,
    MapOf,
    NotBuilt,
    Reading,
    SecretKind,
    choice,
    integer,
)
from engine.config.model import (
    Ack,
    Basic,
    Bearer,
    ConsoleSettings,
    FhirDestination,
    FileDestination,
    LogSettings,
    MllpSource,
    Retry,
    Server,
)
from engine.documents import Node

_PORT = integer(0, 65535)

MLLP = Block(
    (
        Key("port", _PORT, "the TCP port to listen on", REQUIRED),
        Key("host", TEXT, "the address to listen on; 0.0.0.0 is all"),
        Key("allow", ListOf(NETWORK), "networks that may connect; all when empty"),
        Key("max_frame", SIZE, "the largest frame, 32 MiB"),
        Key("frame_timeout", SECONDS, "how long a frame may take to arrive, 30s"),
        Key("idle_timeout", SECONDS, "close a silent connection after this time; 0s is never"),
        Key("connections", integer(1, 100_000), "how many connections at once, 200"),
        Key("tolerant", BOOLEAN, "let a bare FS end a frame when VT or silence follows"),
        Key("tls", NotBuilt("TLS"), "certificates"),
    ),
    MllpSource,
)

SOURCE = Block(
    (
        Key("mllp", MLLP, "listen for MLLP", REQUIRED),
        Key("charset", CHARSET, "the character set where MSH-18 is empty, utf-8"),
        Key("timezone", ZONE, "the zone of times without an offset", REQUIRED),
        Key("directory", NotBuilt("a directory as source"), "read files"),
    ),
    dict,
)

ACK = Block(
    (
        Key("when", choice("stored", "mapped", "delivered"), "when the answer leaves"),
        Key("timeout", SECONDS, "how long mapped or delivered may take, 30s"),
        Key("on_timeout", choice("AA", "AE"), "the answer after that time, AE"),
    ),
    Ack,
)

RETRY = Block(
    (
        Key("initial", SECONDS, "the first wait, 1s; it doubles each time"),
        Key("limit", SECONDS, "the longest wait, 5m"),
        Key("attempts", integer(1, 1_000_000), "give up after so many; never when left out"),
    ),
    Retry,
)

_COMMON = (
    Key("name", TEXT, "its name in metrics and logs; else the server's or file's"),
    Key("retry", RETRY, "how failures are tried again"),
    Key("on_dead", choice("continue", "hold"), "what a lane does after a dead letter"),
)

FHIR = Block(
    (
        Key("fhir", TEXT, "the server, by its name in engine.yaml", REQUIRED, "server"),
        Key("write", choice("upsert", "own-ids", "create"), "how resources are written"),
        *_COMMON,
    ),
    lambda **values: FhirDestination(**{"name": values["server"], **values}),
)

FILE = Block(
    (
        Key("file", TEXT, "the file to append to", REQUIRED, "path"),
        *_COMMON,
    ),
    lambda **values: FileDestination(
        **{"name": Path(values["path"]).stem, **values, "path": Path(values["path"])}
    ),
)


class DestinationKind:
    """A destination: the key that names its kind tells which."""

    _kinds: ClassVar[dict[str, Block]] = {"fhir": FHIR, "file": FILE}

    def read(self, node: Node, fail: Fail) -> Any:
        """Read the block of its kind."""
        if node.kind == "map":
            for name, block in self._kinds.items():
                if name in node.entries:
                    return block.read(node, fail)
            if "mllp" in node.entries:
                fail(node.place, "an MLLP destination is not built yet", "write fhir: or file:")
                return None
        fail(node.place, "a destination is fhir: NAME or file: PATH", None)
        return None

    def schema(self) -> dict[str, Any]:
        """Any of the kinds."""
        return {"anyOf": [block.schema() for block in self._kinds.values()]}


_WORDS = MapOf(TEXT)

CHANNEL = Block(
    (
        Key("channel", TEXT, "the name of the channel, once in the configuration", REQUIRED),
        Key("description", TEXT, "what comes in here, in a sentence"),
        Key("owner", _WORDS, "who to ask: name, contact"),
        Key("system", _WORDS, "who sends: vendor, product, kind"),
        Key("source", SOURCE, "where messages come from", REQUIRED),
        Key("when", ConditionKind(), "which messages of a shared port are this channel's"),
        Key("strict", BOOLEAN, "refuse what the standard refuses; else be lenient"),
        Key("ack", ACK, "when the answer leaves"),
        Key("accept", ListOf(ConditionKind()), "anything else is answered AR"),
        Key("drop", ListOf(ConditionKind()), "answered AA, counted, and not delivered"),
        Key("assigner", _WORDS, "path of a field -> the system of an identifier that names none"),
        Key("mapping", TEXT, "the mapping, by name; standard when left out"),
        Key("destinations", ListOf(DestinationKind()), "where resources go", REQUIRED),
        Key("duplicates", SECONDS, "how long a resend is known as one, 7d"),
        Key("silence", NotBuilt("silence:"), "when to alert that nothing comes"),
        Key("unmapped", NotBuilt("unmapped:"), "what to do with fields without a FHIR home"),
    ),
    dict,
)


def auth(reading: Reading) -> Block:
    """How to log in to a server."""
    secret = SecretKind(reading)
    basic = Block(
        (Key("user", TEXT, "the user", REQUIRED), Key("password", secret, "a secret", REQUIRED)),
        Basic,
    )
    return Block(
        (
            Key("basic", basic, "user and password"),
            Key("bearer", secret, "a bearer token, as a secret"),
        ),
        lambda **given: given.get("basic") or (Bearer(given["bearer"]) if given else None),
    )


def engine(reading: Reading) -> Block:
    """engine.yaml."""
    server = Block(
        (
            Key("url", URL, "the base URL of the FHIR server", REQUIRED),
            Key("auth", auth(reading), "how to log in; nothing when left out"),
            Key("timeout", SECONDS, "how long an answer may take, 30s"),
            Key("concurrency", integer(1, 1000), "how many requests at once, 8"),
            Key("headers", _WORDS, "further HTTP headers"),
            Key("tls", NotBuilt("tls: of a server"), "certificates of our own"),
        ),
        lambda **values: Server(name="", **values),
    )
    console = Block(
        (
            Key("host", TEXT, "the address of the console, 127.0.0.1"),
            Key("port", _PORT, "the port of the console, 8099"),
        ),
        ConsoleSettings,
    )
    log = Block(
        (
            Key("format", choice("json", "console"), "json for machines, console for people"),
            Key("level", choice("debug", "info", "warning", "error"), "the least that is written"),
        ),
        LogSettings,
    )
    return Block(
        (
            Key("data", TEXT, "the folder of the store, from this file on; data"),
            Key("servers", MapOf(server), "FHIR servers by name"),
            Key("console", console, "where /metrics, /health and /ready are"),
            Key("log", log, "log lines"),
            Key("drain", SECONDS, "how long deliveries may take to end at a stop, 30s"),
            Key("memory", SIZE, "bytes of frames in flight, in the whole process, 256 MiB"),
            Key("retention_days", integer(1, 36500), "how long delivered messages are kept, 30"),
        ),
        dict,
    )
