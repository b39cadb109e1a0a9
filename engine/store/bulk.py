"""Many rows in one statement.

Each call into SQLite gives the interpreter's lock away and must win it back from a busy
reactor; so the writer makes few calls, each with many rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

#: Rows per statement: powers of two, so that few statements are ever compiled.
_LARGEST = 128

Row = Sequence[Any]


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[Row], end: str = "") -> None:
    """Run ``INSERT INTO {into} VALUES rows {end}``."""
    for part in _parts(rows):
        connection.execute(f"INSERT INTO {into} {_values(part)} {end}", _flat(part))


def select(
    connection: sqlite3.Connection, columns: str, rows: Sequence[Row], query: str
) -> list[tuple[Any, ...]]:
    """Run a query that reads ``rows`` as a table ``given (columns)``."""
    found: list[tuple[Any, ...]] = []
    for part in _parts(rows):
        statement = f"WITH given ({columns}) AS ({_values(part)}) {query}"
        found += connection.execute(statement, _flat(part)).fetchall()
    return found


def change(connection: sqlite3.Connection, columns: str, rows: Sequence[Row], change: str) -> None:
    """Run an UPDATE or DELETE that reads ``rows`` as a table ``given (columns)``."""
    for part in _parts(rows):
        statement = f"WITH given ({columns}) AS ({_values(part)}) {change}"
        connection.execute(statement, _flat(part))


def numbers(values: Iterable[int]) -> str:
    """Integers as the JSON list that ``json_each`` reads."""
    return f"[{','.join(map(str, values))}]"


def _parts(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    start, left = 0, len(rows)
    while left:
        size = min(_LARGEST, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size
        left -= size


def _values(rows: Sequence[Row]) -> str:
    one = f"({','.join('?' * len(rows[0]))})"
    return f"VALUES {','.join([one] * len(rows))}"


def _flat(rows: Sequence[Row]) -> list[Any]:
    return list(chain.from_iterable(rows))
