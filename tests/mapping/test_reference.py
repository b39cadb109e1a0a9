"""The pages about the mapping language say what the code does."""

from __future__ import annotations

import re

from engine.mapping.functions import FUNCTIONS
from tests.corpus import ROOT

LANGUAGE = (ROOT / "mappings" / "README.md").read_text(encoding="utf-8")


def test_the_table_of_functions_names_every_function_once_and_no_other() -> None:
    section = LANGUAGE.split("\n## Functions\n")[1].split("\n## ")[0]
    cells = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    named = [name for cell in cells for name in re.findall(r"`(\w+)\(", cell)]
    assert sorted(named) == sorted(FUNCTIONS)
