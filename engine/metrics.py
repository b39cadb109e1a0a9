"""What Prometheus sees: every count and time, in the same words as logs, states and commands."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    generate_latest,
)

from engine import __version__

_SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """All metrics of one process, in a registry of their own.

    Labels are names of the configuration and codes of the standard: never a value of a message.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.received = Counter(
            "mllp_engine_messages_received",
            "Messages that reached a channel, by what became of them",
            ["channel", "outcome"],
            registry=registry,
        )
        self.acknowledged = Counter(
            "mllp_engine_acknowledgements_sent",
            "Answers by port and code of table 0008",
            ["port", "code"],
            registry=registry,
        )
        self.quarantined = Counter(
            "mllp_engine_frames_quarantined",
            "Frames that could not be read as HL7 v2",
            ["port"],
            registry=registry,
        )
        self.queued = Gauge(
            "mllp_engine_deliveries_queued",
            "Deliveries that wait, by destination",
            ["destination"],
            registry=registry,
        )
        self.oldest = Gauge(
            "mllp_engine_oldest_queued_seconds",
            "Age of the oldest waiting delivery, by destination",
            ["destination"],
            registry=registry,
        )
        self.delivered = Counter(
            "mllp_engine_deliveries_delivered",
            "Deliveries that a destination took",
            ["destination"],
            registry=registry,
        )
        self.retried = Counter(
            "mllp_engine_deliveries_retried",
            "Attempts that will be repeated",
            ["destination"],
            registry=registry,
        )
        self.held = Counter(
            "mllp_engine_deliveries_held",
            "Deliveries that wait for a person",
            ["destination"],
            registry=registry,
        )
        self.dead = Counter(
            "mllp_engine_deliveries_dead",
            "Deliveries that a destination refused for good",
            ["destination"],
            registry=registry,
        )
        self.breaker = Gauge(
            "mllp_engine_destination_down",
            "1 while a destination is taken to be down",
            ["destination"],
            registry=registry,
        )
        self.issues = Counter(
            "mllp_engine_mapping_issues",
            "Values that could not be mapped as they stood",
            ["channel", "severity"],
            registry=registry,
        )
        self.ack_seconds = Histogram(
            "mllp_engine_ack_seconds",
            "From the end of a frame to its answer",
            ["port"],
            buckets=_SHORT,
            registry=registry,
        )
        self.mapping_seconds = Histogram(
            "mllp_engine_mapping_seconds",
            "Mapping of one message",
            ["channel"],
            buckets=_SHORT,
            registry=registry,
        )
        self.delivery_seconds = Histogram(
            "mllp_engine_delivery_seconds",
            "One attempt at a destination",
            ["destination"],
            buckets=_LONG,
            registry=registry,
        )
        self.connections = Gauge(
            "mllp_engine_connections", "Open MLLP connections", ["port"], registry=registry
        )
        self.last_message = Gauge(
            "mllp_engine_last_message_timestamp_seconds",
            "When the last message of a channel came",
            ["channel"],
            registry=registry,
        )
        self.balanced = Gauge(
            "mllp_engine_ledger_balanced",
            "1 while received and delivered add up",
            registry=registry,
        )
        self.build = Info("mllp_engine_build", "Version of the engine", registry=registry)
        self.build.info({"version": __version__})
        self.configuration = Info(
            "mllp_engine_configuration", "The configuration in force", registry=registry
        )

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
