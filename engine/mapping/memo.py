"""Conversions remembered by their text: codes, people and organizations repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.mapping.runtime import MEMO_LIMIT, Run

DatatypeFunction = Callable[..., Any]


def memoised(name: str, build: DatatypeFunction) -> DatatypeFunction:
    """The same function, remembering what each text became: codes and people repeat.

    What a conversion noted, and the resources that it made, happen again with it.
    """

    def remembered(run: Run, v: str, sep: str) -> Any:
        memos = run.memos
        memo = memos.get((name, sep))
        if memo is None:
            memo = memos[name, sep] = {}
        hit = memo.get(v)
        if hit is not None:
            value, said = hit
            if said is not None:
                fresh, touched, unmapped = said
                run.fresh.extend(fresh)
                run.again(touched)
                run.unmapped.extend(unmapped)
            return value
        if len(memo) > MEMO_LIMIT:
            memo.clear()
        noted, mark, missed = len(run.fresh), len(run.touched), len(run.unmapped)
        value = build(run, v, sep)
        said = (run.fresh[noted:], run.touched[mark:], run.unmapped[missed:])
        memo[v] = (value, said if any(said) else None)
        return value

    return remembered
