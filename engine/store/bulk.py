"""Many rows in one statement.

Each call into SQLite gives the interpreter's lock away and must win it back from a busy
reactor; so the writer makes few calls, each with many rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

#: Rows per statement: any number up to the small one, above it powers of two, so that few
#: calls are made and few statements are ever compiled.
_SMALL, _LARGEST = 16, 128

Row = Sequence[Any]


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[Row], end: str = "") -> None:
    """Run ``INSERT INTO {into} VALUES rows {end}``."""
    if 0 < len(rows) <= _SMALL:  # most groups
        connection.execute(_insertion(into, len(rows), len(rows[0]), end), _flat(rows))
        return
    for part in _parts(rows):
        connection.execute(_insertion(into, len(part), len(part[0]), end), _flat(part))


def select(
    connection: sqlite3.Connection, columns: str, rows: Sequence[Row], query: str
) -> list[tuple[Any, ...]]:
    """Run a query that reads ``rows`` as a table ``given (columns)``."""
    found: list[tuple[Any, ...]] = []
    for part in _parts(rows):
        statement = _statement(columns, len(part), len(part[0]), query)
        found += connection.execute(statement, _flat(part))
    return found


def change(connection: sqlite3.Connection, columns: str, rows: Sequence[Row], change: str) -> None:
    """Run an UPDATE or DELETE that reads ``rows`` as a table ``given (columns)``."""
    for part in _parts(rows):
        connection.execute(_statement(columns, len(part), len(part[0]), change), _flat(part))


def numbers(values: Iterable[int]) -> str:
    """Integers as the JSON list that ``json_each`` reads."""
    return f"[{','.join(map(str, values))}]"


def _parts(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    start, left = 0, len(rows)
    while left:
        size = left if left <= _SMALL else min(_LARGEST, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size
        left -= size


@lru_cache(maxsize=1024)
def _insertion(into: str, rows: int, columns: int, end: str) -> str:
    return f"INSERT INTO {into} {_values(rows, columns)} {end}"


@lru_cache(maxsize=1024)
def _statement(columns: str, rows: int, width: int, rest: str) -> str:
    return f"WITH given ({columns}) AS ({_values(rows, width)}) {rest}"


def _values(rows: int, columns: int) -> str:
    one = f"({','.join('?' * columns)})"
    return f"VALUES {','.join([one] * rows)}"


def _flat(rows: Sequence[Row]) -> Sequence[Any]:
    return rows[0] if len(rows) == 1 else list(chain.from_iterable(rows))
