"""Where tables are printed: as wide as the terminal; what is no terminal gets lines as they are."""

from __future__ import annotations

from rich.console import Console

#: Columns of what is not a terminal, so that nothing is folded: a script or a log must not get
#: words that end in "…", nor a path in two pieces.
PIPE_WIDTH = 100_000


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr. ``COLUMNS`` is the width of a terminal, as elsewhere."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made
