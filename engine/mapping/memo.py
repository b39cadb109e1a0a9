"""Conversions remembered by their text: codes, people and organizations repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.mapping.runtime import Run

DatatypeFunction = Callable[..., Any]

#: More entries than this in one memo, and it starts again: codes repeat, free text does not.
LIMIT = 4_000
#: A longer text than this is no code and no person, and is not kept in memory.
LONGEST = 400


def memoised(name: str, build: DatatypeFunction) -> DatatypeFunction:
    """The same function, remembering what each text became: codes and people repeat.

    What a conversion noted, and the resources that it made, happen again with it.
    """

    def remembered(run: Run, v: str, sep: str) -> Any:
        try:
            value, said = run.memos[sep][name][v]
        except KeyError:
            memo = run.memos.setdefault(sep, {}).setdefault(name, {})
            return _first(memo, build, run, v, sep)
        if said is not None:
            fresh, touched, unmapped, hold, reject = said
            run.hold, run.reject = run.hold or hold, run.reject or reject
            run.fresh.extend(fresh)
            run.again(touched)
            run.unmapped.extend(unmapped)
        return value

    return remembered


def _first(memo: dict[str, Any], build: DatatypeFunction, run: Run, v: str, sep: str) -> Any:
    """Convert a text that is new, and remember it with all that it said."""
    noted, mark, missed = len(run.fresh), len(run.touched), len(run.unmapped)
    # what other values say of the message must not hide what this one says
    hold, reject, run.hold, run.reject = run.hold, run.reject, None, None
    try:
        value = build(run, v, sep)
    finally:
        own, refused = run.hold, run.reject
        run.hold, run.reject = hold or own, reject or refused
    if len(v) <= LONGEST:
        if len(memo) >= LIMIT:
            memo.clear()
        said = (run.fresh[noted:], run.touched[mark:], run.unmapped[missed:], own, refused)
        memo[v] = (value, said if any(said) else None)
    return value


def remembered_text(name: str, build: DatatypeFunction) -> DatatypeFunction:
    """The same for a primitive, which makes its value or raises, and nothing else."""

    def remembered(run: Run, v: str) -> Any:
        try:
            return run.memos[name][v]
        except KeyError:
            pass
        value = build(run, v)
        if len(v) <= LONGEST:
            memo = run.memos.setdefault(name, {})
            if len(memo) >= LIMIT:
                memo.clear()
            memo[v] = value
        return value

    return remembered
