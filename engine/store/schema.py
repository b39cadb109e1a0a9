"""Bring a store to the schema of this engine, or refuse one that is newer."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from engine.errors import StoreError


def migrations() -> list[tuple[int, str]]:
    """The numbered steps, from the files ``migrations/NNNN_what.sql``."""
    folder = resources.files("engine.store") / "migrations"
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((int(file.name[:4]), file.read_text(encoding="utf-8")) for file in files)


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last migration that a store has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(version: int, path: Path) -> None:
    """Leave a store alone whose meaning this engine cannot know."""
    newest = migrations()[-1][0]
    if version > newest:
        raise StoreError(
            f"{path} has schema {version}, this engine knows {newest}: "
            "install the newer engine, or restore a backup"
        )


def require_current(connection: sqlite3.Connection, path: Path) -> None:
    """Only the engine itself changes a schema; whoever else comes must find it as it is known."""
    version = version_of(connection)
    refuse_newer(version, path)
    if version < migrations()[-1][0]:
        raise StoreError(f"{path} has schema {version}: let this version of the engine run first")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Run the missing migrations, each in a transaction with its own number."""
    version = version_of(connection)
    refuse_newer(version, path)
    for number, script in migrations():
        if number > version:
            # executescript() commits first, so the script carries its own transaction.
            connection.executescript(
                f"BEGIN IMMEDIATE; {script} ; PRAGMA user_version = {number}; COMMIT;"
            )
