"""Values as they are written: ``PID-8 via AdministrativeSex``, ``=final``, ``join(CX.1, CX.2)``."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.errors import Place
from engine.mapping.cursor import CALL, CODE, Cursor, finish, name, plain
from engine.mapping.grammar import (
    Call,
    Code,
    Link,
    Literal,
    Ref,
    Source,
    Value,
)
from engine.mapping.sentences import reference


def _value(cursor: Cursor, *, nested: bool) -> Value:
    cursor.blanks()
    if cursor.sign("->"):
        return Link(name(cursor, "->", "-> Patient"), _pairs(cursor))
    if cursor.text.startswith("=", cursor.at):
        cursor.at += 1
        if nested or cursor.text.startswith('"', cursor.at):
            return Literal(plain(cursor))
        text, cursor.at = cursor.rest, len(cursor.text)
        return Literal(text)
    if nested and cursor.text.startswith('"', cursor.at):
        return Literal(plain(cursor))
    return _source(cursor)


def _pairs(cursor: Cursor) -> tuple[tuple[Ref, Ref, bool], ...]:
    """What tells the resource that a link means: ``where OBX-3.1 is OBR-26.1.1 and …``."""
    pairs: list[tuple[Ref, Ref, bool]] = []
    while cursor.word("and") if pairs else cursor.word("where"):
        theirs = reference(cursor)
        under = cursor.word("is", "under")
        mine = reference(cursor) if under or cursor.word("is") else None
        if theirs is None or mine is None:
            cursor.fail("'where' compares two paths", "-> Observation where OBX-3.1 is OBR-26.1.1")
        pairs.append((theirs, mine, under))
    return tuple(pairs)


def _source(cursor: Cursor) -> Value:
    choices = [_choice(cursor)]
    while cursor.word("or"):
        choices.append(_choice(cursor))
    table = target = ""
    table_place = None
    if cursor.word("via"):
        table_place = cursor.here()
        table = name(cursor, "via", "PID-8 via AdministrativeSex")
        bracket = cursor.take(re.compile(r"\[[^\]]*\]"))  # AddressType[Use]: the guide's own names
        table += bracket[0] if bracket else ""
    if cursor.word("as"):
        target = name(cursor, "as", "PV1-7 as Practitioner")
    first = choices[0]
    if isinstance(first, Code):
        return first
    sources = tuple(choice for choice in choices if not isinstance(choice, Code))
    if len(sources) == 1 and isinstance(first, Call) and not table and not target:
        return first
    return Source(sources, table, target, table_place)


def _choice(cursor: Cursor) -> Ref | Call | Code:
    place = cursor.here()
    call = cursor.take(CALL)
    if call:
        return replace(_call(cursor, call[1]), place=place)
    code = cursor.take(CODE)
    if code:
        return Code(code[1], code[2])
    ref = reference(cursor)
    if ref is None:
        word = cursor.rest.split(" ")[0]
        dotted = re.match(r"([A-Z][A-Z0-9]{2})\.(\d+)", word)
        if dotted:
            cursor.fail(f"'{word}' is not a path", f"write it like {dotted[1]}-{dotted[2]}")
        cursor.fail(
            f"'{word}' is not a path, a code, a link or a function"
            if word
            else "a value is missing",
            f"a constant is written ={word or 'final'}",
        )
    return ref


def _call(cursor: Cursor, name: str) -> Call:
    arguments: list[Value] = []
    while not cursor.sign(")"):
        arguments.append(_value(cursor, nested=True))
        if not cursor.sign(","):
            cursor.expect(")")
            break
    return Call(name, tuple(arguments))


def parse_value(text: str, place: Place | None = None) -> Value:
    """Read the one-line value of a rule.

    Raises:
        ConfigurationError: with the place, what is wrong and what to write.

    """
    cursor = Cursor(text, place)
    value = _value(cursor, nested=False)
    finish(cursor)
    return value
