"""The installation in which mistakes are planted has none itself."""

from __future__ import annotations

from pathlib import Path

from tests.mistakes.site import FILES, lay_out, problems


def test_nothing_is_wrong_before_a_mistake_is_planted(tmp_path: Path) -> None:
    lay_out(tmp_path, FILES)
    assert problems(tmp_path) == ()
