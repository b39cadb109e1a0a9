"""The figures of one run as one table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure, what it stands beside in the same run, and its goal."""

    what: str
    figure: str
    beside: str = ""
    goal: str = ""
    met: bool | None = None


HEADINGS = ("what", "measured", "beside it, in the same run", "goal", "")


def render(rows: list[Row]) -> str:
    """A Markdown table."""
    marks = {True: "met", False: "MISSED", None: ""}
    cells = [HEADINGS] + [
        (row.what, row.figure, row.beside, row.goal, marks[row.met]) for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [_line(line, widths) for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"
