"""Mistakes in a channel or in engine.yaml: told once, with line and column and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mistakes.site import CHANNEL, CHANNEL_FILE, ENGINE_FILE, Mistake

SECOND = "channels/other.yaml"


def channel(right: str, wrong: str, what: str, instead: str) -> Mistake:
    """A mistake in the channel."""
    return Mistake(CHANNEL_FILE, right, wrong, what, instead)


def engine(right: str, wrong: str, what: str, instead: str) -> Mistake:
    """A mistake in engine.yaml."""
    return Mistake(ENGINE_FILE, right, wrong, what, instead)


CHANNELS = [
    channel("assigner:", "§asigner:", "unknown key 'asigner'", "did you mean 'assigner'?"),
    channel("channel: north-lab\n", "§", "missing key 'channel'", "channel: north-lab"),
    channel("fhir: clinic", "§fhir: clinik", "there is no server 'clinik'",
            "did you mean 'clinic'?"),
    channel("mapping: north-lab", "§mapping: nort-lab", "there is no mapping 'nort-lab'",
            "did you mean 'north-lab'?"),
    channel("port: 2575", "port: §99999", "'99999' is not a whole number", "from 0 to 65535"),
    channel("port: 2575\n", "port: 2575\n    tls: §{}\n", "TLS on a port is not built yet",
            "leave the key out"),
    channel("timezone: America/New_York", "timezone: §Amerika/New_York",
            "'Amerika/New_York' is not", "did you mean 'America/New_York'?"),
    channel("mllp:\n    port: 2575\n    allow: [10.20.0.0/16]\n  charset: iso-8859-1\n"
            "  timezone: America/New_York\n",
            "§mllp:\n    port: 2575\n", "missing key 'timezone'", "America/New_York"),
    channel("charset: iso-8859-1", "charset: §iso-8895-1", "'iso-8895-1' is not", "iso-8859-1"),
    channel("10.20.0.0/16", "§10.20.0.0/99", "'10.20.0.0/99' is not", "10."),
    channel("- MSH-9.1 in (ORU, OML)", "- §MSH.9.1 in (ORU, OML)", "'MSH.9.1' is not a path",
            "write it like"),
    channel("- MSH-9.1 in (ORU, OML)", "- MSH-9.1 in (ORU, OML§", "expected ')'", ""),
    channel("urn:oid:2.999.20.1", "§2.999.20.1", "'2.999.20.1' is not a URI",
            "write it like urn:oid:"),
    channel("  PID-3: urn", "  §PID.3: urn", "'PID.3' is not", "PID-3"),
    channel("issues: deliver", "issues: §delivr", "'delivr' is not", "did you mean 'deliver'?"),
    channel("duplicates: 7d", "duplicates: §7 fortnights", "'7 fortnights' is not", "7d"),
    channel("  - fhir: clinic", "  - §fhr: clinic", "this says not where to deliver",
            "did you mean 'fhir'?"),
    channel("destinations:\n  - fhir: clinic\n", "destinations: §[]\n",
            "a channel needs a destination", "write fhir: NAME"),
    channel("mapping: north-lab", "§channel: north-lab",
            "the key 'channel' stands here a second time", "keep one of them"),
    Mistake(SECOND, "", "§" + CHANNEL.replace("2575", "2576"),
            "there is a channel 'north-lab' already", "in channels/north-lab.yaml"),
    Mistake(SECOND, "", "§" + CHANNEL.replace("channel: north-lab", "channel: other"),
            "channel 'north-lab' takes the rest of port 2575 already", "write when:"),
]  # fmt: skip

ENGINES = [
    engine("servers:", "§sever:", "unknown key 'sever'", "did you mean 'servers'?"),
    engine("url: https://fhir.clinic.example/r4", "url: §fhir.clinic.example",
           "'fhir.clinic.example' is not", "https://"),
    engine("{env: FHIR_PASSWORD}", "{env: §FHIR_PASWORD}", "no variable 'FHIR_PASWORD'", ""),
    engine("{env: FHIR_PASSWORD}", "§secret", "a secret does not stand", "env:"),
    engine("port: 8099", "port: §console", "'console' is not a whole number", "from 0 to 65535"),
    engine("retention_days: 30", "retention_days: §-1", "'-1' is not", "36500"),
    engine("data: data", "data: §[data]", "expected a text", ""),
    engine("data: data\n", "data: data\n§data: more\n", "the key 'data' stands here a second time",
           "keep one of them"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", [*CHANNELS, *ENGINES], ids=str)
def test_a_mistake_is_told_once_with_its_place_and_what_to_write(
    tmp_path: Path, mistake: Mistake
) -> None:
    mistake.check(tmp_path)
