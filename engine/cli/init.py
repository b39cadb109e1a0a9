"""``init``: a configuration folder to begin with."""

from __future__ import annotations

import sys
from pathlib import Path

import click

_ENGINE = """\
# What holds for the whole engine. `mllp-engine check` tells what is wrong, `mllp-engine schema
# engine` what there is.
data: data                 # the store: every message, until it is delivered and old
console:
  port: 8099               # /metrics, /health, /ready; on 127.0.0.1 unless host: says otherwise
log:
  format: console          # json for machines

# A FHIR server to deliver to; secrets never stand in this file.
# servers:
#   clinic:
#     url: https://fhir.clinic.example/fhir
#     auth:
#       bearer: {env: CLINIC_TOKEN}
"""

_CHANNEL = """\
# yaml-language-server: $schema=channel.schema.json
channel: first
description: The first feed

source:
  mllp:
    port: 2575             # host: 0.0.0.0 to be reached from other machines
  timezone: UTC            # of times that name no offset: write the sender's, Europe/Berlin
  charset: utf-8           # of messages whose MSH-18 is empty

# The system of identifiers that name no assigning authority. Without one, nothing is matched on
# a bare number, and each message makes a patient of its own.
assigner:
  PID-3: urn:oid:2.999.1   # 2.999 is for examples: write your own

mapping: standard          # or the name of a mapping in mappings/
destinations:
  - file: bundles.ndjson   # one transaction Bundle per line
# - fhir: clinic           # a server of engine.yaml
"""

_MAPPING = """\
# What this feed does differently from the standard: rules by their address. To use it, write
# `mapping: first` in the channel. The language is on one page: mappings/README.md.
mapping: first
extends: standard
rules: {}
"""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Lay out FOLDER: engine.yaml, channels/, mappings/."""
    files = {
        folder / "engine.yaml": _ENGINE,
        folder / "channels" / "first.yaml": _CHANNEL,
        folder / "mappings" / "first" / "mapping.yaml": _MAPPING,
    }
    there = [str(file) for file in files if file.exists()]
    if there:
        click.echo(f"nothing is overwritten: {', '.join(there)} is there already", err=True)
        sys.exit(1)
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        click.echo(f"wrote {file}")
    click.echo(f"next: mllp-engine check {folder} && mllp-engine run --config {folder}")
