"""Where tables are printed: as wide as the terminal, or wide enough that a pipe loses nothing."""

from __future__ import annotations

import os

from rich.console import Console

#: Columns of what is not a terminal: a script or a log must not get words that end in "…".
PIPE_WIDTH = 200


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr. ``COLUMNS`` overrides the width, as elsewhere."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PIPE_WIDTH
    return made
