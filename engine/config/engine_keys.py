"""Every key of engine.yaml: the one definition that all else is made from."""

from __future__ import annotations

from typing import Any

from engine.config.kinds import Block, Key, MapOf, NotBuilt
from engine.config.model import (
    Basic,
    Bearer,
    ConsoleSettings,
    LogSettings,
    MappingSettings,
    NoAuth,
    Server,
)
from engine.config.secrets import HeadersKind, Reading, SecretKind
from engine.config.values import HOST, PORT, SECONDS, SIZE, TEXT, URL, WORD, Fail, choice, integer
from engine.documents import Node


class AuthKind:
    """How to log in to a server: exactly one way."""

    def __init__(self, reading: Reading) -> None:
        secret = SecretKind(reading)
        basic = Block(
            (
                Key("user", TEXT, "the user", required=True),
                Key("password", secret, "a secret", "", "{env: FHIR_PASSWORD}", required=True),
            ),
            Basic,
        )
        self.block = Block(
            (
                Key("basic", basic, "user and password"),
                Key("bearer", secret, "a bearer token", "", "{credential: fhir-token}"),
                Key("client_secret", NotBuilt("OAuth2 with a client secret"), "OAuth2"),
                Key("smart", NotBuilt("SMART Backend Services"), "SMART Backend Services"),
                Key("mutual_tls", NotBuilt("mutual TLS"), "a client certificate"),
            ),
            dict,
        )

    def read(self, node: Node, fail: Fail) -> NoAuth | Basic | Bearer | None:
        """Read the one way that is written."""
        written = self.block.read(node, fail)
        if written is None:
            return None
        if len(node.entries) != 1:
            fail(node.place, "there is one way to log in", "write basic: or bearer:")
            return None
        if "bearer" in written:
            return Bearer(written["bearer"])
        basic: Basic | None = written.get("basic")
        return basic

    def schema(self) -> dict[str, Any]:
        """One of the ways."""
        return {**self.block.schema(), "minProperties": 1, "maxProperties": 1}


CONSOLE = Block(
    (
        Key("host", HOST, "the address of the console; it asks for no password", "127.0.0.1"),
        Key("port", PORT, "the port of /metrics, /health and /ready; 0 is any free one", "8099"),
        Key("token", NotBuilt("a token for the console"), "who may look"),
    ),
    ConsoleSettings,
)

LOG = Block(
    (
        Key("format", choice("json", "console"), "json for machines, console for people", "json"),
        Key("level", choice("debug", "info", "warning", "error"), "the least to write", "info"),
    ),
    LogSettings,
)

MAPPING = Block(
    (
        Key(
            "processes",
            integer(0, 256),
            "processes that map what is to be delivered; one less than there are cores, at most 8, "
            "when left out; 0: the engine maps, which holds up the listener meanwhile",
            example="2",
        ),
        Key("timeout", SECONDS, "what takes longer to map is held for a person", "60s"),
    ),
    MappingSettings,
)


def server_block(reading: Reading) -> Block:
    """The keys of a FHIR server."""
    return Block(
        (
            Key(
                "url", URL, "its base URL", example="https://fhir.clinic.example/r4", required=True
            ),
            Key("auth", AuthKind(reading), "how to log in; nothing when left out"),
            Key("timeout", SECONDS, "how long an answer may take", "30s"),
            Key("concurrency", integer(1, 1000), "how many requests at once", "8"),
            Key("headers", HeadersKind(reading), "further HTTP headers"),
            Key("tls", NotBuilt("tls: of a server"), "certificates of one's own"),
        ),
        lambda **values: Server(name="", **values),
    )


def engine_block(reading: Reading) -> Block:
    """The keys of engine.yaml; none is required."""
    return Block(
        (
            Key("data", TEXT, "the folder of the store; relative to engine.yaml", "data"),
            Key("servers", MapOf(server_block(reading), WORD), "FHIR servers by name"),
            Key("console", CONSOLE, "the pages for operators and Prometheus"),
            Key("log", LOG, "log lines, on stderr"),
            Key("mapping", MAPPING, "how stored messages are mapped"),
            Key("drain", SECONDS, "at a stop, how long what is in flight may take", "30s"),
            Key("memory", SIZE, "bytes of frames in flight, in the whole process", "256 MiB"),
            Key(
                "retention_days",
                integer(1, 36500),
                "how long messages are kept that are done with: delivered, refused, filtered, "
                "quarantined; dead letters and what is held are kept whatever their age",
                "30",
            ),
            Key("store", NotBuilt("a choice of stores"), "PostgreSQL"),
        ),
        dict,
    )
