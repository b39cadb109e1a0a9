"""What Prometheus sees: every count and time, in the same words as logs, states and commands."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from engine import __version__

#: Seconds: from a commit on a fast disk to the patience of a sender.
_ANSWER = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MAPPING = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
_ATTEMPT = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """All metrics of one process, in a registry of their own.

    Labels are names of the configuration and codes of the standard: never a value of a message.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._process()
        self._listener()
        self._messages()
        self._deliveries()
        self._store()

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _counter(self, name: str, doc: str, *labels: str) -> Counter:
        return Counter(f"mllp_engine_{name}", doc, labels, registry=self.registry)

    def _gauge(self, name: str, doc: str, *labels: str) -> Gauge:
        return Gauge(f"mllp_engine_{name}", doc, labels, registry=self.registry)

    def _times(self, name: str, doc: str, label: str, buckets: tuple[float, ...]) -> Histogram:
        name = f"mllp_engine_{name}_seconds"
        return Histogram(name, doc, (label,), buckets=buckets, registry=self.registry)

    # --- the process -------------------------------------------------------------------------

    def _process(self) -> None:
        self.build = Info("mllp_engine_build", "The running version", registry=self.registry)
        self.build.info({"version": __version__, "python": platform.python_version()})
        self.configuration = Info(
            "mllp_engine_configuration", "The configuration in force", registry=self.registry
        )
        self.configuration_loaded = self._gauge(
            "configuration_loaded_timestamp_seconds", "When the configuration in force was loaded"
        )
        self.reload_successful = self._gauge(
            "configuration_last_reload_successful", "0 when the last reload was refused, else 1"
        )

    def configured(self, configuration: str, now: float) -> None:
        """A configuration, named by its hash, is in force from now on."""
        self.configuration.info({"hash": configuration})
        self.configuration_loaded.set(now)
        self.reload_successful.set(1)

    def reload_refused(self) -> None:
        """A reload was refused: what was in force stays so."""
        self.reload_successful.set(0)

    # --- ports -------------------------------------------------------------------------------

    def _listener(self) -> None:
        self.connections = self._gauge("connections", "Open MLLP connections", "port")
        self.connections_refused = self._counter(
            "connections_refused", "Senders that were turned away", "port", "reason"
        )
        self.connections_displaced = self._counter(
            "connections_displaced",
            "Silent connections that were ended because a port was full",
            "port",
        )
        self.junk_bytes = self._counter("junk_bytes", "Bytes that belong to no frame", "port")
        self.quarantined = self._counter(
            "frames_quarantined",
            "What reached no channel: kept with its bytes for retention_days",
            "port",
        )
        self.not_stored = self._counter(
            "messages_not_stored", "Messages that the store refused; their senders know", "port"
        )
        self.acknowledged = self._counter(
            "acknowledgements_sent",
            "Answers made, by port and code of table 0008; answers_dropped of them never left",
            "port",
            "code",
        )
        self.answers_dropped = self._counter(
            "answers_dropped", "Answers whose sender had gone", "port"
        )
        self.ack_seconds = self._times(
            "ack", "From the end of a frame to its answer", "port", _ANSWER
        )

    # --- messages ----------------------------------------------------------------------------

    def _messages(self) -> None:
        self.received = self._counter(
            "messages_received",
            "Messages that reached a channel, by outcome: accepted, refused, filtered, "
            "duplicate, acknowledgement, quarantined",
            "channel",
            "outcome",
        )
        self.last_message = self._gauge(
            "last_message_timestamp_seconds",
            "When the last message of a channel came; while it has none, since when one is waited "
            "for; 0 when the channel is configured no more",
            "channel",
        )
        self.mapping_seconds = self._times("mapping", "Mapping of one message", "channel", _MAPPING)
        self.issues = self._counter(
            "mapping_issues",
            "Values that could not be mapped as they stood",
            "channel",
            "severity",
        )

        self.coverage_values = self._counter(
            "coverage_values",
            "Populated values of a sample of each channel's messages, by what became of them: "
            "mapped, repeated, ignored, reported, unmapped",
            "channel",
            "outcome",
        )
        self.coverage_unmapped = self._counter(
            "coverage_unmapped",
            "Values of that sample that no rule reads, by field",
            "channel",
            "field",
        )

    def silent_since(self, channels: Mapping[str, float]) -> None:
        """Exactly these are configured; each has been silent since then, in seconds since 1970.

        What has come in this process counts before that. A channel that is gone stays, with 0:
        whoever counts its messages may hold on to its gauge, and it may come back.
        """
        known = {
            sample.labels["channel"]: sample.value
            for family in self.last_message.collect()
            for sample in family.samples
        }
        for channel, since in channels.items():
            if not known.get(channel):
                self.last_message.labels(channel).set(since)
        for channel in known.keys() - channels.keys():
            self.last_message.labels(channel).set(0)

    # --- deliveries --------------------------------------------------------------------------

    def _deliveries(self) -> None:
        self._served: set[str] = set()
        to = "destination"
        self.delivered = self._counter(
            "deliveries_delivered", "Deliveries that a destination took", to
        )
        self.retried = self._counter("deliveries_retried", "Attempts that will be repeated", to)
        self.held = self._counter("deliveries_held", "Deliveries that wait for a person", to)
        self.dead = self._counter(
            "deliveries_dead", "Deliveries that a destination refused for good", to
        )
        self.breaker = self._gauge(
            "destination_down", "1 while a destination is taken to be down", to
        )
        self.delivery_seconds = self._times(
            "delivery", "One attempt at a destination", to, _ATTEMPT
        )

    def destination_known(self, destination: str) -> None:
        """A destination is served: an alert sees its first dead letter only if zero was there."""
        self._served.add(destination)
        for metric in (self.delivered, self.retried, self.held, self.dead):
            metric.labels(destination)
        for gauge in (self.breaker, self.queued, self.oldest):
            gauge.labels(destination)

    def destination_gone(self, destination: str) -> None:
        """A destination is served no more: how it is now, nobody knows."""
        self._served.discard(destination)
        for gauge in (self.breaker, self.queued, self.oldest):
            gauge.remove(destination)

    # --- what the store says -----------------------------------------------------------------

    def _store(self) -> None:
        self.queued = self._gauge(
            "deliveries_queued", "Deliveries that are not settled yet", "destination"
        )
        self.oldest = self._gauge(
            "oldest_queued_seconds", "Age of the oldest delivery not settled yet", "destination"
        )
        self.balanced = self._gauge("ledger_balanced", "1 while received and delivered add up")
        self.ledger_messages = self._gauge(
            "ledger_messages", "Messages ever, purged ones too", "channel", "port", "outcome"
        )
        self.ledger_deliveries = self._gauge(
            "ledger_deliveries", "Deliveries ever, purged ones too", "destination", "state"
        )
        self.store_up = self._gauge("store_up", "0 while the store gives no figures in time")

    def waiting(self, queues: Mapping[str, tuple[int, float]]) -> None:
        """For each destination with something queued: how much, and the age of the oldest."""
        for gauge in (self.queued, self.oldest):
            for family in gauge.collect():
                for sample in family.samples:
                    gauge.labels(**sample.labels).set(0)
        for destination, (count, age) in queues.items():
            if count or destination in self._served:
                self.queued.labels(destination).set(count)
                self.oldest.labels(destination).set(age)
            else:  # it is gone, and nothing waits for it any more
                self.queued.remove(destination)
                self.oldest.remove(destination)
