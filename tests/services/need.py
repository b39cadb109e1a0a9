"""What a test does when a real service is not to be had.

On a developer's machine the test is left out, with one loud line at the end of
the run that says which service and how to get it.  Under ``CI=true`` a missing
service is a failure: a green build must mean that it was really tried.
"""

import os
import shutil
from typing import NoReturn

import pytest

LEFT_OUT: dict[str, str] = {}


def in_ci() -> bool:
    """Whether a missing service is a failure."""
    return os.environ.get("CI", "").lower() == "true"


def leave_out(what: str, how: str, *, in_ci_too: bool = False) -> NoReturn:
    """Leave the calling test out, or fail it in CI (unless CI may lack it too)."""
    if in_ci() and not in_ci_too:
        pytest.fail(f"{what} is missing, and CI may not leave it out: {how}", pytrace=False)
    LEFT_OUT[what] = how
    pytest.skip(f"{what} is missing: {how}")


def program(name: str, how: str) -> str:
    """The path of an installed program, or the test is left out."""
    found = shutil.which(name)
    if found is None:
        leave_out(name, how)
    return found


def loud_lines() -> list[str]:
    """One line per service that this run did without."""
    return [f"LEFT OUT, {what} is missing: {how}" for what, how in sorted(LEFT_OUT.items())]
