import pytest

from engine.config import load_installation
from engine.errors import ConfigurationError
from tests.config.site import Site

MAPPING = "mapping: north-lab\nextends: standard\n"


def problems(site: Site) -> list[str]:
    try:
        load_installation(site.folder, environment={})
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_an_installation_has_the_mappings_that_its_channels_name(site: Site) -> None:
    site.channel("mapping: north-lab\n")
    site.write("mappings/north-lab/mapping.yaml", MAPPING)
    installation = load_installation(site.folder, environment={})
    (channel,) = installation.configuration.channels
    assert installation.mappings.mapping(channel.mapping).name == "north-lab"


@pytest.mark.parametrize(
    ("name", "advice"),
    [("nort-lab", "did you mean 'north-lab'?"), ("x", "there are: standard, north-lab")],
)
def test_a_mapping_that_is_not_there_is_told(site: Site, name: str, advice: str) -> None:
    site.channel(f"mapping: {name}\n")
    site.write("mappings/north-lab/mapping.yaml", MAPPING)
    (problem,) = problems(site)
    assert problem == f"channels/north-lab.yaml:8:1: there is no mapping '{name}' ({advice})"


def test_problems_of_channels_and_of_mappings_are_told_together(site: Site) -> None:
    site.channel("destinaton: x\n")
    site.write("mappings/north-lab/mapping.yaml", MAPPING + "ruels: {}\n")
    found = problems(site)
    assert found[0].startswith("channels/north-lab.yaml:8:1: unknown key 'destinaton'")
    assert found[1].startswith("mappings/north-lab/mapping.yaml:3:1: ")


def test_a_rule_that_cannot_be_compiled_is_told(site: Site) -> None:
    rule = "rules:\n  PID[Patient]:\n    birthDat: PID-7\n"
    site.write("mappings/north-lab/mapping.yaml", MAPPING + rule)
    (problem,) = [found for found in problems(site) if found.startswith("mappings/north-lab/")]
    assert problem == (
        "mappings/north-lab/mapping.yaml:5:15: PID[Patient].birthDat: Patient has no element"
        " 'birthDat' (did you mean 'birthDate'?)"
    )


def test_a_mapping_that_is_not_yaml_does_not_hide_the_problems_of_channels(site: Site) -> None:
    site.channel("destinaton: x\n")
    site.write("mappings/north-lab/mapping.yaml", "mapping: [\n")
    files = [problem.split(":")[0] for problem in problems(site)]
    assert files == ["channels/north-lab.yaml", "mappings/north-lab/mapping.yaml"]
