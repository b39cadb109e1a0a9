"""Conditions over a whole message, as channels use them: ``MSH-9.1 in (ORU, OML)``.

Rules of a mapping are compiled (see compile.py); what a channel asks of each message is
little, so it is walked as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import ConfigurationError, Place, Problem
from engine.hl7v2.message import Message, Segment
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
from engine.mapping.sentences import parse_condition_tree


@dataclass(frozen=True, slots=True)
class MessageCondition:
    """A condition that a message meets or not; ``str`` gives the text it was read from."""

    text: str
    tree: Condition

    def holds(self, message: Message) -> bool:
        """Whether the message meets the condition."""
        return _holds(self.tree, message)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Every field that the condition reads."""
        return tuple(_refs(self.tree))

    def __str__(self) -> str:
        return self.text


def parse_condition(text: str, place: Place | None = None) -> MessageCondition:
    """Read a condition over a whole message.

    Without ``any`` or ``all`` a path means the first segment and repetition that stand there.

    Raises:
        ConfigurationError: with the place, what is wrong and what to write.

    """
    condition = MessageCondition(text, parse_condition_tree(text, place))
    for ref in condition.refs:
        if not ref.segment:
            instead = f"write it like {str(ref).replace('.', '-', 1)}" if ref.datatype else None
            raise ConfigurationError([Problem(place, f"'{ref}' is not a path", instead)])
    return condition


def _refs(tree: Condition) -> Iterator[Ref]:
    match tree:
        case Compare(ref, values):
            yield ref
            yield from (value for value in values if isinstance(value, Ref))
        case Test(ref) | Count(ref):
            yield ref
        case Not(term):
            yield from _refs(term)
        case All(terms) | Any(terms):
            for term in terms:
                yield from _refs(term)
        case Within() | Has() | Follows():
            return


def _holds(tree: Condition, message: Message) -> bool:
    match tree:
        case All(terms):
            return all(_holds(term, message) for term in terms)
        case Any(terms):
            return any(_holds(term, message) for term in terms)
        case Not(term):
            return not _holds(term, message)
        case Has(name):
            return message.segment(name) is not None
        case Within() | Follows():
            return False  # a whole message stands in no group and behind nothing
        case Count(ref, kind, number):
            found = sum(1 for _ in _values(message, ref))
            return {"is": found == number, "more": found > number, "less": found < number}[kind]
        case Compare() | Test():
            values = list(_values(message, tree.ref))
            if tree.quantifier == "":
                return _meets(tree, values[0] if values else "", message)
            quantify = any if tree.quantifier == "any" else all
            return quantify(_meets(tree, value, message) for value in values)


def _values(message: Message, ref: Ref) -> Iterator[str]:
    for segment in message.all(ref.segment):
        count = max(1, len(segment.repetitions(ref.field or 1)))
        for repetition in range(1, count + 1):
            if ref.repetition is None or ref.repetition == repetition:
                value = _value(segment, ref, repetition)
                if value:
                    yield value


def _value(segment: Segment, ref: Ref, repetition: int) -> str:
    return segment.value(ref.field or 1, repetition, ref.component or 1, ref.subcomponent or 1)


def _meets(tree: Compare | Test, value: str, message: Message) -> bool:
    if isinstance(tree, Compare):
        if not value:
            return False
        wanted = [
            next(_values(message, other), "") if isinstance(other, Ref) else other
            for other in tree.values
        ]
        return (value in wanted) is not tree.negated
    return test(tree.kind, value, tree.operand) is not tree.negated


#: What ``is a number`` and ``is a date`` match.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)").fullmatch
DATE = re.compile(r"\d{4}(\d\d){0,5}(\.\d+)?([+-]\d{4})?").fullmatch


def test(kind: str, value: str, operand: str) -> bool:
    """One test of the grammar on a decoded value; an absent value is ""."""
    match kind:
        case "valued":
            return value != ""
        case "empty":
            return value == ""
        case "longer":
            return len(value) > int(operand)
        case "shorter":
            return 0 < len(value) < int(operand)
        case "matches":
            return bool(value) and re.search(operand, value) is not None
        case "starts":
            return bool(value) and value.startswith(operand)
        case "contains":
            return bool(value) and operand in value
        case "number":
            return NUMBER(value) is not None
        case "date":
            return DATE(value) is not None
    raise ValueError(f"no such test: {kind}")
