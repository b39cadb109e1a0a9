"""``--since``: from when on, as an age or as a day."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from engine.config.values import SECONDS


def _since(_ctx: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """A moment (2026-01-31, 2026-01-31T08:00) or an age (30m, 6h, 7d), as a moment."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return time.time() - float(SECONDS.parse(text))
        except ValueError:
            raise click.BadParameter(
                "write an age like 6h or 7d, or a day like 2026-01-31"
            ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


since_option = click.option(
    "--since", callback=_since, metavar="AGE|DAY", help="Received since: 6h, 7d, a day."
)
