"""``init``: a configuration folder to begin with."""

from __future__ import annotations

from pathlib import Path

import click

_DATA = "{data}"
_ENGINE = """\
# What holds for the whole engine. Every key may be left out; what they say and their defaults:
# mllp-engine schema engine --reference
data: {data}                 # the store: every message, until it is done with and old
console:
  port: 8099               # /metrics, /health, /ready, on 127.0.0.1 only
log:
  format: console          # json for machines

# A FHIR server to deliver to. A secret never stands in this file: it comes from the environment
# {env: NAME}, from a file {file: PATH}, or from systemd {credential: NAME}.
#
# servers:
#   clinic:
#     url: https://fhir.clinic.example/fhir
#     auth:
#       bearer: {env: CLINIC_TOKEN}
"""

_CHANNEL = """\
# yaml-language-server: $schema=../channel.schema.json
#
# A channel: where messages come from, what is taken, and where the FHIR goes. Every key:
# mllp-engine schema channel --reference
channel: first
description: Our first feed
source:
  mllp:
    port: 2575             # on 127.0.0.1; with host: 0.0.0.0 other machines reach it, and
                           # allow: [10.20.0.0/16] says which
  timezone: UTC            # of times without an offset: write the sender's, like Europe/Berlin
  charset: utf-8           # of messages whose MSH-18 is empty

# Who answers for patient numbers that name nobody. Without this, two patients of two senders
# could be taken for one, so nothing is matched by such a number.
assigner:
  PID-3: urn:oid:2.999.1   # 2.999 is the arc for examples: write your own

# What is taken; anything else is answered AR. Without it, everything is.
# accept:
#   - MSH-9.1 in (ORU, ADT)

mapping: first             # mappings/first; or standard, without a mapping of one's own
destinations:
  - file: {data}/fhir.ndjson # one transaction Bundle per line
# - fhir: clinic           # a server of engine.yaml
"""

_MAPPING = """\
# What this feed does differently from the standard. A rule is named SEGMENT[Resource].element;
# a feed's own rule replaces the standard's of that name, and null removes it.
#
# rules:
#   PID[Patient]:
#     maritalStatus: null                       # not wanted
#   ZPI[Patient]:                               # a segment of the sender's own
#     multipleBirthInteger: ZPI-2
# segments:
#   ZPI:
#     2: {name: birth order, type: NM}
#
# Look at what becomes of a message:  mllp-engine convert --config . --channel first FILE
mapping: first
extends: standard
"""

_CASES = """\
# How the messages beside this file are read: as the channel of this mapping reads them.
timezone: UTC
charset: utf-8
assigner:
  PID-3: urn:oid:2.999.1
"""

_CASE = """\
MSH|^~\\&|WARD|CLINIC|||20260105103000||ADT^A01^ADT_A01|1|P|2.5.1
EVN||20260105103000
PID|1||4711||Testpatient^Anna||19700401|F
PV1|1|I|5^12^B
"""

_IGNORE = """\
# The store holds what patients told their doctors: it never goes into a repository.
data/
"""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--data",
    default="data",
    metavar="FOLDER",
    help="Where the store goes, and the file with the FHIR; relative to FOLDER. Default: data.",
)
@click.pass_context
def init(ctx: click.Context, folder: Path, data: str) -> None:
    """Lay out FOLDER: engine.yaml, channels/, mappings/.

    What it writes can be run as it is: it listens on port 2575 of this machine, and writes FHIR
    to a file. Nothing that is there already is overwritten.
    """
    files = _files(data)
    there = [name for name in files if (folder / name).exists()]
    if there:
        click.echo(f"{folder} has {', '.join(there)} already; nothing was written.", err=True)
        ctx.exit(1)
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        click.echo(f"wrote {file}")
    _bundle(folder / "mappings")
    click.echo(f"\nnext: mllp-engine check {folder}, mllp-engine test {folder / 'mappings'}")
    click.echo(f"then: mllp-engine run {folder}")


def _bundle(mappings: Path) -> None:
    """What the sample case becomes now is what it must become."""
    from engine.workbench.cases import find, run

    for result in run(find(mappings), update=True):
        click.echo(f"wrote {result.case.bundle}")


def _files(data: str) -> dict[str, str]:
    import json

    from engine.config.schema import schema

    return {
        "engine.yaml": _ENGINE.replace(_DATA, data),
        "channels/first.yaml": _CHANNEL.replace(_DATA, data),
        "channel.schema.json": json.dumps(schema("channel"), indent=2) + "\n",
        "mappings/first/mapping.yaml": _MAPPING,
        "mappings/first/cases/channel.yaml": _CASES,
        "mappings/first/cases/admission.hl7": _CASE,
        ".gitignore": _IGNORE,
    }
