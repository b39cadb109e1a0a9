"""How messages of files are read: ``--charset``, ``--timezone``, ``--assigner``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from engine.config.keys import FIELD
from engine.config.values import URI
from engine.hl7v2.charset import codec
from engine.workbench.feeds import Feed

F = TypeVar("F", bound=Callable[..., Any])


def reading_options(command: F) -> F:
    """Give a command the three options."""
    for option in (
        click.option("--assigner", multiple=True, metavar="PATH=SYSTEM", callback=_assigners,
                     help="PID-3=urn:oid:2.999.1"),
        click.option("--charset", callback=_charset,
                     help="Of messages whose MSH-18 is empty.  [default: utf-8]"),
        click.option("--timezone", callback=_zone,
                     help="Of times that name no offset.  [default: UTC]"),
    ):  # fmt: skip
        command = option(command)
    return command


def read_as(
    found: Feed, timezone: ZoneInfo | None, charset: str | None, assigner: dict[str, str]
) -> Feed:
    """The feed, with what the options say before what its channel says."""
    return replace(
        found,
        timezone=timezone or found.timezone,
        charset=charset or found.charset,
        assigner={**found.assigner, **assigner},
    )


def _zone(_ctx: click.Context, _option: click.Parameter, name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"no time zone '{name}'; write one like Europe/Berlin") from None


def _charset(_ctx: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None and codec(name) is None:
        raise click.BadParameter(f"no character set '{name}'")
    return name


def _assigners(
    _ctx: click.Context, _option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    return dict(_assigner(text) for text in given)


def _assigner(text: str) -> tuple[str, str]:
    path, _, system = text.partition("=")
    try:
        FIELD.parse(path)
        URI.parse(system)
    except ValueError as error:
        example = "write it like PID-3=urn:oid:2.999.1"
        raise click.BadParameter(f"{text}: {error if not path or system else example}") from None
    return path, system
