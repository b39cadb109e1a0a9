"""What the results of an order read in its OBR is asked once, and said of each of them."""

from __future__ import annotations

from engine.hl7v2.message import Message
from engine.mapping.result import Issue
from tests.mapping.feeds import CONTEXT, PID, message, standard


def _order(number: int, section: str, results: int) -> list[tuple[str, dict[int, str]]]:
    obr = {2: f"P{number}", 3: f"F{number}", 4: "57021-8^CBC^LN", 24: section}
    obx = [{2: "NM", 3: f"{n}^Code^L", 5: "1", 11: "F"} for n in range(results)]
    return [("OBR", obr), *(("OBX", fields) for fields in obx)]


def _text(*sections: str, results: int) -> str:
    orders = [part for n, section in enumerate(sections) for part in _order(n, section, results)]
    return message("ORU^R01^ORU_R01", ("PID", PID), *orders)


def test_each_result_has_the_category_of_its_own_order() -> None:
    mapped = standard().convert(Message.parse(_text("CH", "RAD", "CH", results=2)), CONTEXT)
    results = [r.body for r in mapped.resources if r.body["resourceType"] == "Observation"]
    codes = [[c["coding"][0]["code"] for c in result["category"]] for result in results]
    ours, images = ["laboratory", "CH"], ["imaging", "RAD"]
    assert codes == [ours, ours, images, images, ours, ours]


def test_a_code_that_no_table_holds_is_said_of_each_result() -> None:
    one = standard().convert(Message.parse(_text("ODD", results=1)), CONTEXT)
    three = standard().convert(Message.parse(_text("ODD", results=3)), CONTEXT)

    def about(rule: str, issues: list[Issue]) -> list[str]:
        return [issue.what for issue in issues if issue.rule == rule]

    rule = "OBX[Observation].category"
    assert about(rule, three.issues) == 3 * about(rule, one.issues) != []
    assert three.unmapped.count(("ObservationCategory", "ODD", "")) == (
        one.unmapped.count(("ObservationCategory", "ODD", "")) + 2
    )
