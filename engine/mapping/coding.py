"""Codes through tables: what a mapped code becomes, and what an unmapped one keeps.

Policies for a code that a table does not hold: ``keep`` (the local coding with its text),
``text`` (its text only), ``hold`` (the message waits for a person), ``reject``, ``none`` (nothing:
the element takes no others, and another rule keeps the sender's).
"""

from __future__ import annotations

from typing import Any

from engine.mapping.conceptmap import ConceptMap
from engine.mapping.made import Body
from engine.mapping.result import Severity
from engine.mapping.runtime import Run

#: What is said of a code that the system it is sent under does not have.
FOREIGN = "a code is not in the code system that it is sent under"

ALTERNATE = "http://hl7.org/fhir/StructureDefinition/alternate-codes"
V2_TABLE = "http://terminology.hl7.org/CodeSystem/v2-"


def parts(run: Run, v: str, sep: str) -> tuple[str, str]:
    """The code and the text of a coded value, decoded."""
    if sep not in v:
        return run.clean(v), ""
    pieces = v.split(sep)
    return run.clean(pieces[0]), run.clean(pieces[1])


def lookup(run: Run, v: str, sep: str, table: ConceptMap) -> Any:
    """The row that a coded value means, by code, then by text, else by its alternate code."""
    code, text = parts(run, v, sep)
    found = table.find(code, text)
    if found is None and sep in v:
        pieces = v.split(sep)
        if len(pieces) > 3 and pieces[3]:
            found = table.find(
                run.clean(pieces[3]), run.clean(pieces[4]) if len(pieces) > 4 else ""
            )
    return found


def missed(run: Run, v: str, sep: str, table: ConceptMap, policy: str = "keep") -> None:
    """Count a code that a table does not hold, and act on its policy."""
    _missed(run, *parts(run, v, sep), table, policy)


def _missed(run: Run, code: str, text: str, table: ConceptMap, policy: str) -> None:
    run.unmapped.append((table.name, code, text))
    what = f"a code is not in table {table.name}"
    run.note("", 0, what, Severity.INFORMATION if policy == "keep" else Severity.WARNING)
    if policy == "hold":
        run.hold = run.hold or what
    elif policy == "reject":
        run.reject = run.reject or what


def code(run: Run, v: str, sep: str, table: ConceptMap, kind: str, policy: str = "keep") -> Any:
    """A code (or boolean) through a table; one that is not in it makes nothing but an issue."""
    found = lookup(run, v, sep, table)
    if found is None:
        missed(run, v, sep, table, policy)
        return None
    return typed(found.code, kind)


def text_code(run: Run, text: str, table: ConceptMap, kind: str, policy: str = "keep") -> Any:
    """A decoded text through a table."""
    found = table.find(text, "")
    if found is None:
        _missed(run, text, "", table, policy)
        return None
    if kind in ("CodeableConcept", "Coding"):
        mapped = coding_of(found)
        return {"coding": [mapped]} if kind == "CodeableConcept" else mapped
    return typed(found.code, kind)


def typed(target: str, kind: str) -> Any:
    """A target code in the type of its element."""
    if kind == "boolean":
        return target.lower() == "true"
    return int(target) if kind in ("integer", "positiveInt") else target


def coding_of(found: Any) -> Body:
    """The Coding of a row."""
    made = {"system": found.system} if found.system else {}
    made["code"] = found.code
    if found.display:
        made["display"] = found.display
    return made


def concept(
    run: Run, v: str, sep: str, table: ConceptMap, local: Any, policy: str, *at: Any
) -> Body | None:
    """A CodeableConcept: the mapped coding first, then what the sender said.

    ``at`` is where the value stands, in a conversion that is traced.
    """
    own: Body | None = local(run, v, sep, *at)
    found = lookup(run, v, sep, table)
    if found is None:
        missed(run, v, sep, table, policy)
        if policy == "none":
            return None
        if own is not None and policy == "text":
            return text_only(own)
        # a code alone (ID, IS): the standard implies its table, the sender names none
        return _outside(run, own, table) if own is not None and sep not in v else own
    mapped = coding_of(found)
    if at:
        mapped = run.t(mapped, "", table.name, run.first(*at))
    if own is None:
        return {"coding": [mapped]}
    kept = [item for item in own.get("coding", ()) if not same(run.plain(item), run.plain(mapped))]
    made = {"coding": [mapped, *kept]}
    if "text" in own:
        made["text"] = own["text"]
    return made


def closed(
    run: Run, v: str, sep: str, table: ConceptMap, local: Any, needed: bool, policy: str, *at: Any
) -> Body | None:
    """A CodeableConcept that may hold no codes but its table's (R4: required, or maximum, binding).

    The sender's own stand beside it as alternate codes. Where a code is ``needed``, one that the
    table does not hold makes nothing but an issue.
    """
    own: Body = local(run, v, sep, *at) or {}
    found = lookup(run, v, sep, table)
    if found is None:
        missed(run, v, sep, table, policy)
        if needed or not own:
            return None
        text = own.get("text") or own["coding"][0].get("code")
        return {"extension": [_alternate(own["coding"])], "text": text} if text else None
    mapped = coding_of(found)
    kept = [item for item in own.get("coding", ()) if not same(run.plain(item), mapped)]
    if at:
        mapped = run.t(mapped, "", table.name, run.first(*at))
    made = {"extension": [_alternate(kept)]} if kept else {}
    made["coding"] = [mapped]
    return {**made, "text": own["text"]} if "text" in own else made


def _alternate(codings: list[Body]) -> Body:
    return {"url": ALTERNATE, "valueCodeableConcept": {"coding": codings}}


def _outside(run: Run, own: Body, table: ConceptMap) -> Body:
    """A sender's own code: the HL7 table that does not hold it is not its system."""
    coding = own.get("coding", ())
    system = run.plain(coding[0].get("system")) if len(coding) == 1 else None
    if system is None or all(system != row.target.system for row in table.rows):
        return own
    bare = {key: value for key, value in coding[0].items() if key != "system"}
    return {**own, "coding": [bare]}


def text_only(concept: Body) -> Body | None:
    """A concept without its codes: its text, or the best that a coding offers."""
    first: Body = next(iter(concept.get("coding", ())), {})
    text = concept.get("text") or first.get("display") or first.get("code")
    return {"text": text} if text else None


def same(item: Body, mapped: Body) -> bool:
    """Whether a local coding only repeats the mapped one."""
    if item.get("code") != mapped.get("code"):
        return False
    return item.get("system") in (None, mapped.get("system")) and not (
        item.get("display") and item["display"] != mapped.get("display")
    )


def single(
    run: Run, v: str, sep: str, table: ConceptMap, local: Any, policy: str, *at: Any
) -> Body | None:
    """A Coding through a table, or the sender's own."""
    found = lookup(run, v, sep, table)
    if found is None:
        missed(run, v, sep, table, policy)
        if policy == "none":
            return None
        own: Body | None = local(run, v, sep, *at)
        if own is None or policy != "text":
            return own
        text = own.get("display") or own.get("code")
        return {"display": text} if text else None
    made = coding_of(found)
    return run.t(made, "", table.name, run.first(*at)) if at else made


def plain(run: Run, v: str, sep: str, *at: Any) -> Body | None:
    """A CodeableConcept of a code and a text alone, when no datatype map says more."""
    value, text = parts(run, v, sep)
    made: Body = {"coding": [{"code": value}]} if value else {}
    if text:
        made["text"] = text
    return made or None


def of_table(run: Run, v: str, table: str, wanted: str) -> Body | None:
    """An ID or IS of an HL7 table: its code in the table's code system."""
    value = run.head(v)
    if not value:
        return None
    made = {"system": V2_TABLE + table.zfill(4), "code": value}
    if run.dialect.codesystems.lacks(made["system"], value):
        # sites add codes to the tables of HL7; such a code is theirs and not the table's
        run.note("", 0, FOREIGN)
        del made["system"]
    return {"coding": [made]} if wanted == "CodeableConcept" else made
