import pytest

from engine.config import FileDestination
from tests.config.site import CHANNEL, ENGINE, Site


def test_channels_share_a_port_when_conditions_say_whose_a_message_is(site: Site) -> None:
    site.channel("")
    site.channel("when: MSH-4 is SOUTH\n", name="south-lab")
    site.channel("when: MSH-4 is WEST\n", name="west-lab")
    assert [channel.name for channel in site.load().channels] == [
        "south-lab",
        "west-lab",
        "north-lab",  # what nobody else wants, last
    ]


def test_two_channels_cannot_both_take_the_rest_of_a_port(site: Site) -> None:
    site.channel("", name="south-lab")
    assert site.problems() == [
        "channels/south-lab.yaml:1:1: channel 'north-lab' takes the rest of port 2575 already"
        " (write when: with what tells the messages apart)"
    ]


def test_channels_on_one_port_describe_it_alike(site: Site) -> None:
    site.mllp("connections: 20")
    site.channel("when: MSH-4 is SOUTH\n", name="south-lab")
    assert site.problems() == [
        "channels/south-lab.yaml:3:3: port 2575 is described otherwise by channel 'north-lab'"
        " (channels on one port repeat the same mllp: block)"
    ]


def test_one_port_number_on_two_addresses_is_two_ports(site: Site) -> None:
    site.mllp("host: 10.0.0.1")
    site.write(
        "channels/south-lab.yaml",
        CHANNEL.replace("north", "south").replace("2575", "2575\n    host: 10.0.0.2"),
    )
    assert site.problems() == []


def test_an_address_and_all_addresses_are_one_port(site: Site) -> None:
    site.mllp("host: 0.0.0.0")
    site.channel("when: MSH-4 is SOUTH\n", name="south-lab")
    (problem,) = site.problems()
    assert "described otherwise" in problem


def test_any_free_port_is_never_shared(site: Site) -> None:
    for name in ("north-lab", "south-lab"):
        text = CHANNEL.replace("north-lab", name).replace("2575", "0")
        site.write(f"channels/{name}.yaml", text)
    assert site.problems() == []


def test_the_console_has_its_own_port(site: Site) -> None:
    site.write("engine.yaml", ENGINE + "console: {port: 2575}\n")
    assert site.problems() == [
        "channels/north-lab.yaml:4:5: port 2575 is the console's (write another port)"
    ]


def test_a_frame_fits_into_the_memory(site: Site) -> None:
    site.mllp("max_frame: 64 MiB")
    site.write("engine.yaml", ENGINE + "memory: 32 MiB\n")
    (problem,) = site.problems()
    assert problem.startswith("channels/north-lab.yaml:5:5: a frame could be larger than all mem")


def test_a_name_is_one_channel(site: Site) -> None:
    site.write("channels/south.yaml", CHANNEL + "when: MSH-4 is SOUTH\n")
    assert site.problems() == [
        "channels/south.yaml:1:1: there is a channel 'north-lab' already"
        " (in channels/north-lab.yaml)"
    ]


@pytest.mark.parametrize(
    ("server", "advice"),
    [("clinik", "did you mean 'clinic'?"), ("x", "engine.yaml has: clinic")],
)
def test_the_server_of_a_destination_is_one_of_engine_yaml(
    site: Site, server: str, advice: str
) -> None:
    site.write("channels/north-lab.yaml", CHANNEL.replace("fhir: clinic", f"fhir: {server}"))
    (problem,) = site.problems()
    assert problem == f"channels/north-lab.yaml:7:5: there is no server '{server}' ({advice})"


def test_a_server_without_engine_yaml_is_told_where_it_belongs(site: Site) -> None:
    site.write("engine.yaml", "")
    (problem,) = site.problems()
    assert "engine.yaml has no servers: yet" in problem


def test_channels_share_a_destination_that_both_describe_alike(site: Site) -> None:
    site.channel("when: MSH-4 is SOUTH\n", name="south-lab")
    one, other = site.load().channels
    assert one.destinations == other.destinations


def test_one_name_is_one_destination(site: Site) -> None:
    when = "when: MSH-4 is SOUTH\n"
    text = CHANNEL.replace("north-lab", "south-lab") + "    write: create\n" + when
    site.write("channels/south-lab.yaml", text)
    assert site.problems() == [
        "channels/south-lab.yaml:7:5: the destination 'clinic' is another one elsewhere"
        " (write it alike, or give it a name: of its own)"
    ]


def test_a_destination_stands_once_in_a_channel(site: Site) -> None:
    site.channel("  - fhir: clinic\n")
    (problem,) = site.problems()
    assert problem == "channels/north-lab.yaml:8:5: the destination 'clinic' stands here twice"


def test_a_file_has_one_writer(site: Site) -> None:
    site.channel("  - file: out.ndjson\n  - file: out.ndjson\n    name: other\n")
    (problem,) = site.problems()
    assert problem == (
        "channels/north-lab.yaml:9:5: destination 'out' writes to this file already"
        " (write name: out, or another file)"
    )


def test_a_file_destination_is_named_after_its_file(site: Site) -> None:
    site.channel("  - file: out/fhir.ndjson\n")
    destination = site.load().channels[0].destinations[1]
    assert destination == FileDestination("fhir", site.folder / "out/fhir.ndjson")


@pytest.mark.parametrize(
    ("destinations", "problem"),
    [
        ("[]", "6:15: a channel needs a destination (write fhir: NAME or file: PATH)"),
        ("[clinic]", "6:16: expected a destination here (write fhir: NAME, or file: PATH)"),
        ("[{mllp: x}]", "6:17: an MLLP destination is not built yet"),
        ("[{fihr: clinic}]", "6:16: this says not where to deliver (did you mean 'fhir'?)"),
        ("[{name: x}]", "6:16: this says not where to deliver (write fhir: NAME, or file: PATH)"),
        ("[{fhir: clinic, file: x}]", "6:16: a destination is fhir: or file:, not both"),
        ("[{fhir: clinic, write: upsret}]", "6:38: 'upsret' is not one of upsert"),
    ],
)
def test_a_destination_says_where_to_deliver(site: Site, destinations: str, problem: str) -> None:
    text = CHANNEL.partition("destinations:")[0] + f"destinations: {destinations}\n"
    site.write("channels/north-lab.yaml", text)
    (found,) = site.problems()
    assert found.startswith(f"channels/north-lab.yaml:{problem}")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("assigner: {PID.3: urn:oid:1.2}", "8:12: 'PID.3' is not the path of a field"),
        ("assigner: {PID: urn:oid:1.2}", "8:12: 'PID' is not the path of a field"),
        ("assigner: {PID-3: CLINIC}", "8:19: 'CLINIC' is not a URI"),
        ("assigner: x", "8:11: expected names and values here"),
        ("when: MSH.4 is NORTH", "8:"),
        ("when: [MSH-4 is NORTH]", "8:7: expected a condition here"),
        ("accept:\n  - MSH-9.1 in (ORU\n", "9:"),
        ("owner: me", "8:8: expected names and values here"),
        ("source: x", "8:"),
        ("ack: stored", "8:6: expected keys and values here (there are: when, timeout,"),
        ("unmapped: hold", "8:11: 'hold' is not one of report, extension"),
    ],
)  # fmt: skip
def test_what_does_not_fit_into_a_channel_is_told(site: Site, lines: str, problem: str) -> None:
    site.channel(lines + "\n")
    found = site.problems()
    assert len(found) == 1
    assert found[0].startswith(f"channels/north-lab.yaml:{problem}")


@pytest.mark.parametrize("written", ["tls: {certificate: x}", "TLS: x"])
def test_tls_is_refused_rather_than_ignored(site: Site, written: str) -> None:
    site.mllp(written)
    (problem,) = site.problems()
    assert "TLS" in problem


def test_a_directory_as_source_is_not_built_yet(site: Site) -> None:
    text = CHANNEL.replace("  timezone", "  directory: /in\n  timezone")
    site.write("channels/north-lab.yaml", text)
    (problem,) = site.problems()
    assert problem == (
        "channels/north-lab.yaml:5:14: a directory as source is not built yet (leave the key out)"
    )


def test_the_default_frame_fits_into_the_memory_too(site: Site) -> None:
    site.write("engine.yaml", ENGINE + "memory: 16 MiB\n")
    (problem,) = site.problems()
    assert problem.startswith("channels/north-lab.yaml:3:3: a frame could be larger than all mem")
