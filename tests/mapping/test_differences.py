"""What other converters make otherwise: each class has a verdict and a reason."""

from __future__ import annotations

from tests.mapping.guide import table


def test_each_class_of_difference_has_a_verdict_and_a_reason() -> None:
    rows = table("differences.tsv")
    assert {row["verdict"] for row in rows} <= {"theirs wrong", "ours wrong", "a choice"}
    assert all(row["why"] for row in rows)
    assert len({(row["resource"], row["element"]) for row in rows}) == len(rows)


def test_what_was_wrong_here_is_mended() -> None:
    wrong = [row for row in table("differences.tsv") if row["verdict"] == "ours wrong"]
    assert all(row["why"].startswith("mended") for row in wrong)
