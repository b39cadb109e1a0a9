"""What is counted, in Prometheus' naming conventions and the words of log, store and CLI."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.samples import Sample

from engine import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST

#: Seconds: from a commit on a fast disk to the wait for a busy server.
_ANSWER = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MAPPING = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
_DELIVERY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics of one process, in a registry of their own; one method for each arrow."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._build()
        self._connections()
        self._messages()
        self._deliveries()
        self._ledger()

    def exposition(self) -> bytes:
        """Every metric, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _counter(self, name: str, doc: str, *labels: str) -> Counter:
        return Counter(f"mllp_engine_{name}", doc, labels, registry=self.registry)

    def _gauge(self, name: str, doc: str, *labels: str) -> Gauge:
        return Gauge(f"mllp_engine_{name}", doc, labels, registry=self.registry)

    def _seconds(self, name: str, doc: str, label: str, buckets: tuple[float, ...]) -> Histogram:
        full = f"mllp_engine_{name}_seconds"
        return Histogram(full, doc, (label,), buckets=buckets, registry=self.registry)

    # --- the process -------------------------------------------------------------------------

    def _build(self) -> None:
        build = self._gauge("build_info", "The running version; always 1", "version", "python")
        build.labels(__version__, platform.python_version()).set(1)
        self._configuration = self._gauge(
            "configuration_info", "The configuration in use; always 1", "hash"
        )
        self._configured_at = self._gauge(
            "configuration_last_reload_success_timestamp_seconds",
            "When the configuration in use was loaded",
        )
        self._configured = self._gauge(
            "configuration_last_reload_successful", "1; 0 when the last reload was refused"
        )

    def configured(self, configuration: str, now: float) -> None:
        """A configuration is in use from now on."""
        self._configuration.clear()
        self._configuration.labels(configuration).set(1)
        self._configured_at.set(now)
        self._configured.set(1)

    def not_configured(self) -> None:
        """A reload was refused: the configuration before it stays in use."""
        self._configured.set(0)

    # --- connections -------------------------------------------------------------------------

    def _connections(self) -> None:
        self._open = self._gauge("connections", "Senders that are connected", "port")
        self._opened = self._counter("connections_opened", "Senders that came in", "port")
        self._turned_away = self._counter("connections_refused", "Senders turned away", "port")
        self._junk = self._counter("junk_bytes", "Bytes that belong to no frame", "port")

    def connection_opened(self, port: str) -> None:
        """A sender has come in."""
        self._open.labels(port).inc()
        self._opened.labels(port).inc()

    def connection_closed(self, port: str) -> None:
        """A sender is gone."""
        self._open.labels(port).dec()

    def connection_refused(self, port: str) -> None:
        """A sender may not come in."""
        self._turned_away.labels(port).inc()

    def junk(self, port: str, length: int) -> None:
        """Bytes came that belong to no frame."""
        self._junk.labels(port).inc(length)

    # --- messages ----------------------------------------------------------------------------

    def _messages(self) -> None:
        where = ("port", "channel")
        self._received = self._counter("received", "Messages received and stored", *where)
        self._outcomes = self._counter(
            "outcomes",
            "Received messages by what became of them: accepted, refused, filtered, duplicate, "
            "acknowledgement, quarantined",
            *where,
            "outcome",
        )
        self._filtered = self._counter("filtered", "Messages that a drop: rule took", *where)
        self._quarantined = self._counter(
            "quarantined", "What no channel could take: kept with its bytes for a person", *where
        )
        self._unstored = self._counter(
            "not_stored", "Messages that the store refused; their senders were told", "port"
        )
        self._last = self._gauge(
            "last_message_timestamp_seconds", "When the last message came", *where
        )
        self._answers = self._counter(
            "acknowledged", "Answers sent, by code of HL7 table 0008", "port", "code"
        )
        self._late = self._counter("answers_dropped", "Answers whose sender had gone", "port")
        self._ack = self._seconds("ack", "From the frame to its answer", "port", _ANSWER)

    def stored(self, port: str, channel: str, outcome: str, received_at: float) -> None:
        """A message and what became of it are on the disk."""
        self._received.labels(port, channel).inc()
        self._outcomes.labels(port, channel, outcome).inc()
        self._last.labels(port, channel).set(received_at)
        if outcome == "filtered":
            self._filtered.labels(port, channel).inc()
        elif outcome == "quarantined":
            self._quarantined.labels(port, channel).inc()

    def not_stored(self, port: str) -> None:
        """The store cannot promise."""
        self._unstored.labels(port).inc()

    def answered(self, port: str, code: str, seconds: float) -> None:
        """An answer is on its way, so long after its message came."""
        self._answers.labels(port, code).inc()
        self._ack.labels(port).observe(seconds)

    def answer_dropped(self, port: str) -> None:
        """An answer came too late."""
        self._late.labels(port).inc()

    # --- deliveries --------------------------------------------------------------------------

    def _deliveries(self) -> None:
        to = "destination"
        self._mapping = self._seconds("mapping", "To map one message", "channel", _MAPPING)
        self._issues = self._counter(
            "mapping_issues", "What mapping found to report", "channel", "severity"
        )
        self._delivery = self._seconds("delivery", "One attempt to deliver", to, _DELIVERY)
        self._verdicts = {
            "delivered": self._counter("delivered", "Deliveries that arrived", to),
            "retried": self._counter("retried", "Attempts that failed and are repeated", to),
            "dead": self._counter("dead", "Dead letters: refused for good", to),
            "held": self._counter("held", "Deliveries that wait for a person", to),
        }
        self._up = self._gauge("destination_up", "1; 0 while its breaker is open", to)

    def mapped(self, channel: str, seconds: float, severities: Iterable[str] = ()) -> None:
        """A message was mapped, with issues of these severities."""
        self._mapping.labels(channel).observe(seconds)
        for severity in severities:
            self._issues.labels(channel, severity).inc()

    def attempted(self, destination: str, seconds: float) -> None:
        """A destination has answered, or not in time."""
        self._delivery.labels(destination).observe(seconds)

    def settled(self, destination: str, verdict: str) -> None:
        """An attempt is settled: delivered, retried, dead or held."""
        self._verdicts[verdict].labels(destination).inc()

    def destination_known(self, destination: str) -> None:
        """A destination is served: its counters stand at zero rather than nowhere."""
        for counter in self._verdicts.values():
            counter.labels(destination)
        self._queued.labels(destination)
        self._oldest.labels(destination)
        self._up.labels(destination).set(1)

    def destination_up(self, destination: str, up: bool) -> None:
        """The breaker of a destination has closed, or opened."""
        self._up.labels(destination).set(int(up))

    # --- what the store says -----------------------------------------------------------------

    def _ledger(self) -> None:
        self._queued = self._gauge("queued", "Deliveries not yet settled", "destination")
        self._oldest = self._gauge(
            "queued_oldest_seconds", "Age of the oldest delivery not yet settled", "destination"
        )
        self._balanced = self._gauge("ledger_balanced", "1 when both identities hold, else 0")
        self._accounts = self._gauge(
            "ledger_messages", "Messages ever, purged ones too", "port", "channel", "outcome"
        )
        self._states = self._gauge(
            "ledger_deliveries", "Deliveries ever, purged ones too", "destination", "state"
        )
        self._store_up = self._gauge("store_up", "1; 0 when the store gave no figures in time")

    def queue(self, waiting: Mapping[str, tuple[int, float]]) -> None:
        """Each destination's number of unsettled deliveries and the age of the oldest."""
        for gauge in (self._queued, self._oldest):
            for known in [sample.labels for sample in _samples(gauge)]:
                gauge.labels(**known).set(0)
        for destination, (count, age) in waiting.items():
            self._queued.labels(destination).set(count)
            self._oldest.labels(destination).set(age)
        self._store_up.set(1)

    def store_silent(self) -> None:
        """The store gave no figures: those shown are old."""
        self._store_up.set(0)

    def ledger(
        self,
        balanced: bool,
        messages: Mapping[tuple[str, str, str], int],
        deliveries: Mapping[tuple[str, str], int],
    ) -> None:
        """Both identities, by (port, channel, outcome) and (destination, state)."""
        self._balanced.set(int(balanced))
        for account, count in messages.items():
            self._accounts.labels(*account).set(count)
        for state, count in deliveries.items():
            self._states.labels(*state).set(count)


def _samples(gauge: Gauge) -> Iterable[Sample]:
    for family in gauge.collect():
        yield from family.samples
