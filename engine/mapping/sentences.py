"""References and conditions as they are written: ``PV1-2 is P and PV1-45 is valued``."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.errors import Place
from engine.mapping.cursor import (
    NAME,
    NUMBERS,
    RELATIVE_REF,
    SEGMENT_REF,
    Cursor,
    finish,
    name,
    plain,
)
from engine.mapping.grammar import (
    All,
    Any,
    Compare,
    Condition,
    Count,
    Follows,
    Has,
    Not,
    Ref,
    Test,
    Within,
)


def reference(cursor: Cursor) -> Ref | None:
    """A reference, or None when something else comes next."""
    place = cursor.here()
    match = cursor.take(SEGMENT_REF)
    if match:
        ref = Ref(match[1], int(match[2]), place=place)
    else:
        match = cursor.take(RELATIVE_REF)
        if not match:
            return None
        ref = Ref("", datatype=match[1] or "", place=place)
        numbers = NUMBERS.match(cursor.text, cursor.at)
        if numbers:
            cursor.at = numbers.end()
            ref = replace(ref, component=int(numbers[1]), subcomponent=_number(numbers[2]))
        return _reading(cursor, ref)
    if cursor.text.startswith("[", cursor.at):
        cursor.at += 1
        ref = _predicate(cursor, ref)
    if cursor.text.startswith(".", cursor.at):
        cursor.at += 1
        numbers = NUMBERS.match(cursor.text, cursor.at)
        if not numbers:
            cursor.fail("a '.' needs a component number", f"write it like {ref}.1")
        cursor.at = numbers.end()
        ref = replace(ref, component=int(numbers[1]), subcomponent=_number(numbers[2]))
    return _reading(cursor, ref)


def _reading(cursor: Cursor, ref: Ref) -> Ref:
    """``read as TYPE``: the type of a field whose own type varies."""
    if cursor.word("read", "as"):
        name = cursor.take(NAME)
        if not name:
            cursor.fail("'read as' needs an HL7 v2 data type", "write it like OBX-5 read as NM")
        return replace(ref, read_as=name[0])
    return ref


def _predicate(cursor: Cursor, ref: Ref) -> Ref:
    match = re.compile(r"(\d+)\]").match(cursor.text, cursor.at)
    if match:
        cursor.at = match.end()
        return replace(ref, repetition=int(match[1]))
    condition = _either(cursor)
    cursor.expect("]")
    return replace(ref, where=condition)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _either(cursor: Cursor) -> Condition:
    terms = [_both(cursor)]
    while cursor.word("or"):
        terms.append(_both(cursor))
    return terms[0] if len(terms) == 1 else Any(tuple(terms))


def _both(cursor: Cursor) -> Condition:
    terms = [_single(cursor)]
    while cursor.word("and"):
        terms.append(_single(cursor))
    return terms[0] if len(terms) == 1 else All(tuple(terms))


def _single(cursor: Cursor) -> Condition:
    if cursor.word("not"):
        return Not(_single(cursor))
    if cursor.sign("("):
        inner = _either(cursor)
        cursor.expect(")")
        return inner
    place = cursor.here()
    if cursor.word("within"):
        return Within(name(cursor, "within", "within order"), place)
    if cursor.word("has"):
        return Has(name(cursor, "has", "has SPM"), place)
    if cursor.word("follows"):
        return Follows(name(cursor, "follows", "follows PID"), place)
    if cursor.word("count", "of"):
        return _count(cursor)
    quantifier = "any" if cursor.word("any") else "all" if cursor.word("all") else ""
    ref = reference(cursor)
    if ref is None:
        word = cursor.rest.split(" ")[0]
        instead = "write it like PID-3[1].4" if re.match(r"[A-Z][A-Z0-9]{2}\.\d", word) else None
        cursor.fail(
            f"'{word}' is not a path" if word else "a condition is missing here",
            instead or "a condition reads like: PV1-2 is I, OBX-5 is valued, MSH-9.1 in (ORU, OML)",
        )
    return _predicates(cursor, ref, quantifier)


def _count(cursor: Cursor) -> Condition:
    ref = reference(cursor)
    if ref is None:
        cursor.fail("'count of' needs a path", "write it like: count of PID-11 is more than 1")
    kind = "is"
    if cursor.word("is", "more", "than"):
        kind = "more"
    elif cursor.word("is", "less", "than"):
        kind = "less"
    elif not cursor.word("is"):
        cursor.fail("'count of' needs 'is', 'is more than' or 'is less than'")
    number = cursor.take(re.compile(r"\d+"))
    if not number:
        cursor.fail("a count is compared with a number")
    return Count(ref, kind, int(number[0]))


def _predicates(cursor: Cursor, ref: Ref, quantifier: str) -> Condition:
    found = _length(cursor, ref, quantifier) or _listed(cursor, ref, quantifier)
    found = found or _tested(cursor, ref, quantifier) or _compared(cursor, ref, quantifier)
    if found is None:
        cursor.fail(
            f"'{cursor.rest[:20]}' says nothing about {ref}",
            "write: is X, is not X, in (X, Y), is valued, is empty, is longer than 8, matches /x/",
        )
    return found


def _length(cursor: Cursor, ref: Ref, quantifier: str) -> Condition | None:
    for kind in ("longer", "shorter"):
        if cursor.word("is", kind, "than"):
            number = cursor.take(re.compile(r"\d+"))
            if not number:
                cursor.fail(f"'{kind} than' needs a number of characters")
            return Test(ref, kind, number[0], quantifier=quantifier)
    return None


def _listed(cursor: Cursor, ref: Ref, quantifier: str) -> Condition | None:
    if cursor.word("is", "in") or cursor.word("in"):
        return Compare(ref, _values(cursor), quantifier=quantifier)
    if cursor.word("is", "not", "in") or cursor.word("not", "in"):
        return Compare(ref, _values(cursor), negated=True, quantifier=quantifier)
    return None


def _tested(cursor: Cursor, ref: Ref, quantifier: str) -> Condition | None:
    for words, kind in _TESTS:
        if cursor.word(*words):
            return Test(ref, kind, negated="not" in words, quantifier=quantifier)
    if cursor.word("matches"):
        return Test(ref, "matches", _pattern(cursor), quantifier=quantifier)
    if cursor.word("starts", "with"):
        return Test(ref, "starts", plain(cursor), quantifier=quantifier)
    if cursor.word("contains"):
        return Test(ref, "contains", plain(cursor), quantifier=quantifier)
    return None


def _compared(cursor: Cursor, ref: Ref, quantifier: str) -> Condition | None:
    if cursor.word("is", "not"):
        return Compare(ref, (_operand(cursor),), negated=True, quantifier=quantifier)
    if cursor.word("is"):
        return Compare(ref, (_operand(cursor),), quantifier=quantifier)
    return None


_TESTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("is", "not", "valued"), "valued"),
    (("is", "valued"), "valued"),
    (("is", "not", "empty"), "empty"),
    (("is", "empty"), "empty"),
    (("is", "not", "a", "number"), "number"),
    (("is", "a", "number"), "number"),
    (("is", "not", "a", "date"), "date"),
    (("is", "a", "date"), "date"),
)


def _values(cursor: Cursor) -> tuple[str | Ref, ...]:
    cursor.expect("(")
    values = [_operand(cursor)]
    while cursor.sign(","):
        values.append(_operand(cursor))
    cursor.expect(")")
    return tuple(values)


def _operand(cursor: Cursor) -> str | Ref:
    cursor.blanks()
    if not cursor.text.startswith(('"', "="), cursor.at):
        ref = reference(cursor)
        if ref is not None:
            return ref
    return plain(cursor)


def _pattern(cursor: Cursor) -> str:
    match = cursor.take(re.compile(r"/((?:[^/\\]|\\.)*)/"))
    if not match:
        cursor.fail(
            "'matches' needs a pattern between slashes", "write it like: matches /^[0-9]+$/"
        )
    try:
        re.compile(match[1])
    except re.error as cause:
        cursor.fail(f"the pattern cannot be read: {cause}", "between the slashes: /^[A-Z]+$/")
    return match[1]


def parse_condition_tree(text: str, place: Place | None = None) -> Condition:
    """Read a condition to its tree.

    Raises:
        ConfigurationError: with the place, what is wrong and what to write.

    """
    cursor = Cursor(text, place)
    condition = _either(cursor)
    finish(cursor)
    return condition
