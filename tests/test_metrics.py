import re

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from engine import __version__
from engine.metrics import Metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_two_engines_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.delivered.labels("clinic").inc()
    name = "mllp_engine_deliveries_delivered_total"
    assert sample(one, name, destination="clinic") == 1
    assert sample(other, name, destination="clinic") is None


@pytest.mark.parametrize(
    "name",
    [
        "messages_received_total",
        "acknowledgements_sent_total",
        "frames_quarantined_total",
        "messages_not_stored_total",
        "deliveries_queued",
        "oldest_queued_seconds",
        "deliveries_delivered_total",
        "deliveries_retried_total",
        "deliveries_held_total",
        "deliveries_dead_total",
        "ack_seconds_bucket",
        "mapping_seconds_bucket",
        "delivery_seconds_bucket",
        "connections",
        "last_message_timestamp_seconds",
        "build_info",
        "configuration_info",
        "ledger_balanced",
    ],
)
def test_what_operators_ask_for_is_there(name: str) -> None:
    metrics = Metrics()
    metrics.configured("c0ffee", 1.0)
    use(metrics)
    text = metrics.render().decode()
    assert re.search(rf"^mllp_engine_{name}[ {{]", text, re.MULTILINE)


def use(metrics: Metrics) -> None:
    """Touch every metric once, so that each has a sample."""
    metrics.received.labels("north-lab", "filtered").inc()
    metrics.acknowledged.labels("2575", "AA").inc()
    for counter in (metrics.quarantined, metrics.not_stored, metrics.connections):
        counter.labels("2575").inc()
    metrics.destination_known("clinic")
    metrics.ack_seconds.labels("2575").observe(0.01)
    metrics.mapping_seconds.labels("north-lab").observe(0.01)
    metrics.delivery_seconds.labels("clinic").observe(0.01)
    metrics.last_message.labels("north-lab").set(1)


def test_names_follow_the_conventions_of_prometheus() -> None:
    metrics = Metrics()
    use(metrics)
    families = list(text_string_to_metric_families(metrics.render().decode()))
    own = [family for family in families if family.name.startswith("mllp_engine_")]
    assert len(own) > 20
    for family in own:
        assert family.documentation
        assert not re.search(r"_(count|sum|bucket|milliseconds|ms|kb)$", family.name)


def test_the_first_dead_letter_of_a_destination_is_a_change_from_zero() -> None:
    metrics = Metrics()
    metrics.destination_known("clinic")
    where = {"destination": "clinic"}
    for name in ("deliveries_dead_total", "deliveries_queued", "destination_down"):
        assert sample(metrics, f"mllp_engine_{name}", **where) == 0


def test_a_channel_is_silent_since_its_last_message_whatever_is_said_later() -> None:
    metrics = Metrics()
    name = "mllp_engine_last_message_timestamp_seconds"
    metrics.last_message.labels("north").set(70.0)
    metrics.silent_since({"north": 50.0, "south": 60.0})
    assert sample(metrics, name, channel="north") == 70.0
    assert sample(metrics, name, channel="south") == 60.0
    metrics.silent_since({"south": 80.0})
    assert sample(metrics, name, channel="north") == 0
    assert sample(metrics, name, channel="south") == 60.0


def test_the_build_is_named() -> None:
    text = Metrics().render().decode()
    assert f'version="{__version__}"' in text


def test_the_configuration_in_force_is_named_alone() -> None:
    metrics = Metrics()
    metrics.configured("first", 10.0)
    metrics.configured("second", 20.0)
    assert sample(metrics, "mllp_engine_configuration_info", hash="first") is None
    assert sample(metrics, "mllp_engine_configuration_info", hash="second") == 1
    assert sample(metrics, "mllp_engine_configuration_loaded_timestamp_seconds") == 20.0


def test_a_refused_reload_shows_until_one_succeeds() -> None:
    metrics = Metrics()
    name = "mllp_engine_configuration_last_reload_successful"
    metrics.configured("first", 10.0)
    assert sample(metrics, name) == 1
    metrics.reload_refused()
    assert sample(metrics, name) == 0
    assert sample(metrics, "mllp_engine_configuration_info", hash="first") == 1
    metrics.configured("second", 20.0)
    assert sample(metrics, name) == 1


def test_a_queue_that_is_empty_again_shows_as_empty() -> None:
    metrics = Metrics()
    metrics.waiting({"clinic": (3, 90.0), "archive": (1, 5.0)})
    metrics.waiting({"archive": (2, 7.0)})
    queued, oldest = "mllp_engine_deliveries_queued", "mllp_engine_oldest_queued_seconds"
    assert sample(metrics, queued, destination="clinic") == 0
    assert sample(metrics, oldest, destination="clinic") == 0
    assert sample(metrics, queued, destination="archive") == 2
    assert sample(metrics, oldest, destination="archive") == 7.0


def test_nothing_is_registered_globally() -> None:
    registry = CollectorRegistry()
    Counter("mllp_engine_messages_received", "the same name elsewhere", registry=registry)
    assert Metrics().registry is not registry
