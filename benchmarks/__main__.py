"""``python -m benchmarks [acks conversions end_to_end backlog]``: measure, print one table."""

import importlib
import sys

from benchmarks import machine
from benchmarks.table import Row, render

ALL = ("acks", "conversions", "end_to_end", "backlog")


def main(chosen: list[str]) -> int:
    """Measure what was chosen, or everything; 1 when a goal was missed."""
    rows: list[Row] = []
    for name in chosen or ALL:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{name}").measure()
    print(f"\n{machine.name()}\n")
    print(render(rows))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
