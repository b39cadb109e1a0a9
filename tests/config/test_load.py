from ipaddress import ip_network
from zoneinfo import ZoneInfo

import pytest

from engine.config import Ack, FhirDestination, FileDestination, MllpSource, NoAuth, Retry
from engine.config.load import Loader
from tests.config.site import CHANNEL, ENGINE, Site


def test_a_short_configuration_has_the_stated_defaults(site: Site) -> None:
    configuration = site.load()
    (channel,) = configuration.channels
    assert channel.source == MllpSource(2575)
    assert channel.timezone == ZoneInfo("America/New_York")
    assert (channel.charset, channel.mapping, channel.strict) == ("utf-8", "standard", False)
    assert channel.ack == Ack("stored", 30.0, "AE")
    assert channel.duplicates == 7 * 86400
    assert channel.destinations == (FhirDestination("clinic", "clinic"),)
    settings = configuration.engine
    assert settings.data == site.folder / "data"
    assert settings.store.parent == settings.data
    assert settings.servers["clinic"].auth == NoAuth()
    assert (settings.console.host, settings.console.port) == ("127.0.0.1", 8099)


def test_every_key_of_a_channel_has_its_effect(site: Site) -> None:
    site.write(
        "channels/north-lab.yaml",
        """\
channel: north-lab
description: Results
owner: {name: Integration desk, contact: desk@clinic.example}
system: {vendor: Acme, product: LabCore 4, kind: laboratory}
source:
  mllp:
    port: 2575
    host: 0.0.0.0
    allow: [10.20.0.0/16, 10.30.1.7]
    max_frame: 1 MiB
    frame_timeout: 10s
    idle_timeout: 5m
    connections: 20
    tolerant: true
  charset: latin-1
  timezone: Europe/Berlin
when: MSH-4 is NORTH
strict: true
ack: {when: delivered, timeout: 500ms, on_timeout: AA}
accept:
  - MSH-9.1 in (ORU, OML)
drop:
  - any OBR-24 is RAD
assigner: {PID-3: "urn:oid:2.999.1"}
mapping: north-lab
destinations:
  - fhir: clinic
    name: chart
    write: own-ids
    on-dead: hold
    retry: {initial: 2, limit: 1h, attempts: 9}
  - file: out/fhir.ndjson
duplicates: 6h
""",
    )
    (channel,) = site.load().channels
    assert channel.description == "Results"
    assert channel.owner["contact"] == "desk@clinic.example"
    assert channel.system["kind"] == "laboratory"
    assert channel.source == MllpSource(
        port=2575,
        host="0.0.0.0",
        allow=(ip_network("10.20.0.0/16"), ip_network("10.30.1.7/32")),
        max_frame=1 << 20,
        frame_timeout=10.0,
        idle_timeout=300.0,
        connections=20,
        tolerant=True,
    )
    assert (channel.charset, channel.strict, channel.duplicates) == ("iso8859-1", True, 21600)
    assert str(channel.when) == "MSH-4 is NORTH"
    assert channel.ack == Ack("delivered", 0.5, "AA")
    assert [str(condition) for condition in channel.accept] == ["MSH-9.1 in (ORU, OML)"]
    assert [str(condition) for condition in channel.drop] == ["any OBR-24 is RAD"]
    assert channel.assigner == {"PID-3": "urn:oid:2.999.1"}
    assert channel.mapping == "north-lab"
    assert channel.destinations == (
        FhirDestination("chart", "clinic", "own-ids", Retry(2.0, 3600.0, 9), "hold"),
        FileDestination("fhir", site.folder / "out/fhir.ndjson"),
    )


def test_every_key_of_the_engine_has_its_effect(site: Site) -> None:
    site.write(
        "engine.yaml",
        "data: /var/lib/mllp-engine\n"
        "console: {host: 10.0.0.5, port: 9000}\n"
        "log: {format: console, level: debug}\n"
        "drain: 1m\nmemory: 1 GiB\nretention_days: 90\n"
        "servers:\n  clinic: {url: https://fhir.clinic.example/r4/, timeout: 5s, concurrency: 2}\n",
    )
    settings = site.load().engine
    assert str(settings.data) == "/var/lib/mllp-engine"
    assert (settings.console.host, settings.console.port) == ("10.0.0.5", 9000)
    assert (settings.log.format, settings.log.level) == ("console", "debug")
    assert (settings.drain, settings.memory, settings.retention_days) == (60.0, 1 << 30, 90)
    clinic = settings.servers["clinic"]
    assert (clinic.name, clinic.url) == ("clinic", "https://fhir.clinic.example/r4")
    assert (clinic.timeout, clinic.concurrency) == (5.0, 2)


def test_engine_yaml_may_be_left_out_where_there_are_channels(site: Site) -> None:
    (site.folder / "engine.yaml").unlink()
    site.write("channels/north-lab.yaml", CHANNEL.replace("fhir: clinic", "file: fhir.ndjson"))
    assert site.load().engine.console.port == 8099


def test_a_folder_without_a_configuration_is_told_how_to_get_one(site: Site) -> None:
    (site.folder / "engine.yaml").unlink()
    (site.folder / "channels/north-lab.yaml").unlink()
    (site.folder / "channels").rmdir()
    (problem,) = site.problems()
    assert "neither engine.yaml nor channels/" in problem
    assert "mllp-engine init" in problem


def test_an_engine_without_a_channel_is_refused(site: Site) -> None:
    (site.folder / "channels/north-lab.yaml").unlink()
    (problem,) = site.problems()
    assert problem.startswith("channels:1:1: there is no channel")


def test_every_problem_of_every_file_is_told_at_once_in_the_order_of_the_files(site: Site) -> None:
    site.write("engine.yaml", ENGINE + "drian: 30s\nmemory: lots\n")
    site.channel("destinaton: x\nstrict: maybe\n")
    site.channel("silence: 30m\n", name="south-lab")
    assert site.problems() == [
        "channels/north-lab.yaml:8:1: unknown key 'destinaton' (did you mean 'destinations'?)",
        "channels/north-lab.yaml:9:9: 'maybe' is not true or false (write true or false)",
        "channels/south-lab.yaml:1:1: channel 'north-lab' takes the rest of port 2575 already"
        " (write when: with what tells the messages apart)",
        "channels/south-lab.yaml:8:10: an alert on silence is not built yet (leave the key out)",
        "engine.yaml:4:1: unknown key 'drian' (did you mean 'drain'?)",
        "engine.yaml:5:9: 'lots' is not a size (write it like 512 KiB, 32 MiB or 1 GiB)",
    ]


def test_a_missing_key_is_told_with_what_it_is_for(site: Site) -> None:
    site.write("channels/north-lab.yaml", "channel: north-lab\nsource:\n  charset: utf-8\n")
    assert site.problems() == [
        "channels/north-lab.yaml:1:1: missing key 'destinations' (where the resources go, like"
        " destinations: [{fhir: clinic}])",
        "channels/north-lab.yaml:3:3: missing key 'mllp' (listen for MLLP)",
        "channels/north-lab.yaml:3:3: missing key 'timezone' (the zone of times without an offset:"
        " the sender's, like timezone: America/New_York)",
    ]


def test_a_file_that_is_not_yaml_does_not_hide_the_problems_of_the_others(site: Site) -> None:
    site.write("channels/a.yaml", "channel: [a\n")
    site.write("engine.yaml", ENGINE + "drian: 30s\n")
    files = [problem.split(":")[0] for problem in site.problems()]
    assert files == ["channels/a.yaml", "engine.yaml"]


def test_a_file_that_is_not_utf_8_is_told_with_its_line(site: Site) -> None:
    (site.folder / "channels/a.yaml").write_bytes(b"channel: a\ndescription: Pr\xfcfung\n")
    (problem,) = site.problems()
    assert problem == "channels/a.yaml:2:1: the file is not UTF-8 (save it as UTF-8)"


def test_a_file_with_the_other_ending_is_not_left_out_in_silence(site: Site) -> None:
    site.write("channels/b.yml", CHANNEL)
    (problem,) = site.problems()
    assert problem == "channels/b.yml:1:1: this file is not read (channels end in .yaml)"


def test_a_file_that_cannot_be_read_is_told(site: Site) -> None:
    (site.folder / "channels/a.yaml").mkdir()
    (problem,) = site.problems()
    assert problem.startswith("channels/a.yaml:1:1: the file cannot be read")


def test_a_reading_has_one_configuration_with_one_hash(site: Site) -> None:
    loader = Loader(site.folder, site.environment)
    assert loader.configuration is loader.configuration
    assert loader.configuration.hash == site.load().hash


def test_the_hash_names_every_file_that_says_something(site: Site) -> None:
    first = site.load().hash
    assert site.load().hash == first
    site.write("mappings/north-lab/mapping.yaml", "mapping: north-lab\n")
    second = site.load().hash
    site.channel("description: other\n")
    assert len({first, second, site.load().hash}) == 3


def test_text_that_yaml_would_read_as_something_else_stays_text(site: Site) -> None:
    site.channel("description: NO\nowner: {name: 0123, contact: 12:30}\n")
    (channel,) = site.load().channels
    assert channel.description == "NO"
    assert dict(channel.owner) == {"name": "0123", "contact": "12:30"}


def test_a_key_with_nothing_after_it_is_left_out(site: Site) -> None:
    site.channel("drop:\nmapping: ~\n")
    (channel,) = site.load().channels
    assert (channel.drop, channel.mapping) == ((), "standard")


@pytest.mark.parametrize("key", ["on_dead", "on-dead"])
def test_a_key_may_be_written_with_either_dash(site: Site, key: str) -> None:
    site.write("channels/north-lab.yaml", CHANNEL + f"    {key}: hold\n")
    assert site.load().channels[0].destinations[0].on_dead == "hold"


def test_a_key_in_both_writings_stands_there_twice(site: Site) -> None:
    site.write("channels/north-lab.yaml", CHANNEL + "    on_dead: hold\n    on-dead: hold\n")
    (problem,) = site.problems()
    assert problem == "channels/north-lab.yaml:9:5: the key 'on-dead' stands here a second time"


def test_an_engine_yaml_that_is_not_yaml_does_not_hide_the_problems_of_channels(
    site: Site,
) -> None:
    site.write("engine.yaml", "data: [\n")
    site.channel("destinaton: x\n")
    files = {problem.split(":")[0] for problem in site.problems()}
    assert files == {"channels/north-lab.yaml", "engine.yaml"}
