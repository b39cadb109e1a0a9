"""Questions about rules that are answered before any code is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.fhir import definitions
from engine.mapping.grammar import (
    All,
    Any,
    Call,
    Code,
    Compare,
    Condition,
    Count,
    Follows,
    Link,
    Literal,
    Not,
    Ref,
    Source,
    Test,
    Value,
)
from engine.mapping.model import (
    Block,
    Body,
    Each,
    Filled,
    Leaf,
    Make,
    Rule,
    SegmentMap,
    Several,
    When,
)


def is_constant(body: Body) -> bool:
    """Whether a body, where it applies, says nothing that the message says."""
    match body:
        case Leaf(value):
            return isinstance(value, Literal | Code)
        case Block(fields):
            return all(is_constant(item) for _, item in fields)
        case When(_, inner):
            return is_constant(inner)
        case Several(items):
            return all(is_constant(item) for item in items)
        case Each() | Filled() | Make():
            return False


def is_static(body: Body) -> bool:
    """Whether a constant body has no conditions either, and so is one object for ever."""
    match body:
        case Leaf(value):
            return isinstance(value, Literal | Code)
        case Block(fields):
            return all(is_static(item) for _, item in fields)
        case Several(items):
            return all(is_static(item) for item in items)
        case _:
            return False


def is_pure(value: Value) -> bool:
    """Whether a value says the same whenever the message does: no table, resource or link.

    Tables may hold a message, resources and links join what else stands in it; a function
    without arguments reads all of it.
    """
    match value:
        case Literal() | Code():
            return True
        case Call(_, arguments):
            return bool(arguments) and all(is_pure(item) for item in arguments)
        case Source(choices, table, target):
            refs = all(isinstance(item, Ref) or is_pure(item) for item in choices)
            return refs and not table and not target
        case _:
            return False


def links_of(body: Body) -> bool:
    """Whether a body refers to what other maps make."""
    match body:
        case Leaf(value):
            return isinstance(value, Link)
        case Block(fields):
            return any(links_of(item) for _, item in fields)
        case When(_, inner) | Each(_, inner):
            return links_of(inner)
        case Several(items):
            return any(links_of(item) for item in items)
        case Filled() | Make():
            return False


def split_constants(rules: Iterable[Rule]) -> tuple[list[Rule], list[Rule], list[Rule]]:
    """Rules that are constant, rules that read the message, and constant ends of the latter.

    A resource exists because the message says something: constants alone do not make one. So
    the last constant of a list that falls back to it waits until the resource is known to be.
    """
    constants: list[Rule] = []
    sources: list[Rule] = []
    trailing: list[Rule] = []
    for rule in rules:
        if is_constant(rule.body):
            constants.append(rule)
            continue
        body = rule.body
        if isinstance(body, Several):
            items = list(body.items)
            tail: list[Body] = []
            while items and is_constant(items[-1]):
                tail.insert(0, items.pop())
            if tail:
                rest = Several(tuple(items), body.place)
                trailing.append(
                    Rule(rule.address, rule.element, Several(tuple(tail), body.place), rule.place)
                )
                sources.append(Rule(rule.address, rule.element, rest, rule.place))
                continue
        sources.append(rule)
    return constants, sources, trailing


def tables_of(body: Body) -> Iterator[str]:
    """The names of the code tables that a body asks."""
    match body:
        case Leaf(value):
            yield from _tables(value)
        case Block(fields):
            for _, item in fields:
                yield from tables_of(item)
        case When(_, inner) | Each(_, inner):
            yield from tables_of(inner)
        case Filled(source, over, under):
            yield from _tables(source)
            for layer in (over, under):
                if layer is not None:
                    yield from tables_of(layer)
        case Several(items):
            for item in items:
                yield from tables_of(item)
        case Make(_, block):
            yield from tables_of(block)


def _tables(value: Value) -> Iterator[str]:
    if isinstance(value, Source) and value.table:
        yield value.table


# ---------------------------------------------------------------- other segments alone


def is_common(tree: Condition, segment: str) -> bool:
    """Whether a condition says the same of all segments of that name in one place."""
    match tree:
        case All(terms) | Any(terms):
            return all(is_common(term, segment) for term in terms)
        case Not(term):
            return is_common(term, segment)
        case Follows():
            return False
        case _:
            return all(ref.segment not in ("", segment) for ref in condition_refs(tree))


def says_common(body: Body, segment: str) -> bool:
    """Whether a body makes the same for all segments of that name in one place, of others alone."""
    match body:
        case Leaf(Link()):
            return False
        case Leaf(value):
            resource = isinstance(value, Source) and value.target
            others = all(ref.segment not in ("", segment) for ref in value_refs(value))
            return others and not resource
        case When(condition, inner):
            return is_common(condition, segment) and says_common(inner, segment)
        case Block(fields):
            return all(says_common(item, segment) for _, item in fields)
        case Several(items):
            return all(says_common(item, segment) for item in items)
        case _:
            return False


# ---------------------------------------------------------------- references


def condition_refs(tree: Condition | None) -> Iterator[Ref]:
    """Every reference of a condition."""
    match tree:
        case Compare(ref, values):
            yield from _with_predicate(ref)
            for value in values:
                if isinstance(value, Ref):
                    yield from _with_predicate(value)
        case Test(ref) | Count(ref):
            yield from _with_predicate(ref)
        case Not(term):
            yield from condition_refs(term)
        case All(terms) | Any(terms):
            for term in terms:
                yield from condition_refs(term)
        case _:
            return


def _with_predicate(ref: Ref) -> Iterator[Ref]:
    yield ref
    yield from condition_refs(ref.where)


def value_refs(value: Value | Ref) -> Iterator[Ref]:
    """Every reference of a value."""
    match value:
        case Ref():
            yield from _with_predicate(value)
        case Source(choices):
            for choice in choices:
                yield from value_refs(choice)
        case Call(_, arguments):
            for argument in arguments:
                yield from value_refs(argument)
        case _:
            return


def body_refs(  # noqa: C901 - one case for each kind of body
    body: Body, *, conditions: bool = True
) -> Iterator[Ref]:
    """Every reference of a body, with or without those that only conditions read."""
    match body:
        case Leaf(value):
            yield from value_refs(value)
        case Block(fields):
            for _, item in fields:
                yield from body_refs(item, conditions=conditions)
        case When(condition, inner):
            if conditions:
                yield from condition_refs(condition)
            yield from body_refs(inner, conditions=conditions)
        case Each(ref, inner):
            yield from _with_predicate(ref)
            yield from body_refs(inner, conditions=conditions)
        case Filled(source, over, under):
            yield from value_refs(source)
            for layer in (over, under):
                if layer is not None:
                    yield from body_refs(layer, conditions=conditions)
        case Several(items):
            for item in items:
                yield from body_refs(item, conditions=conditions)
        case Make(_, block):
            yield from body_refs(block, conditions=conditions)


def referenced_segments(segment_map: SegmentMap) -> set[str]:
    """The names of all segments that a map reads, its own included."""
    refs = [ref for rule in segment_map.rules.values() for ref in body_refs(rule.body)]
    refs += condition_refs(segment_map.when)
    return {ref.segment for ref in refs if ref.segment}


def is_plain(ref: Ref) -> bool:
    """Whether a reference is a whole field and nothing narrower."""
    return ref.repetition is None and ref.where is None and ref.component is None


def often_asked(segment_map: SegmentMap) -> frozenset[int]:
    """Own fields that several conditions ask for: their first value is fetched once."""
    counts: dict[int, int] = {}
    trees = [segment_map.when]
    trees += [tree for rule in segment_map.rules.values() for tree in conditions_of(rule.body)]
    for tree in trees:
        for ref in condition_refs(tree):
            if ref.segment == segment_map.segment and is_plain(ref) and ref.field is not None:
                counts[ref.field] = counts.get(ref.field, 0) + 1
    return frozenset(number for number, count in counts.items() if count > 1)


def conditions_of(body: Body) -> Iterator[Condition]:
    """Every condition of a body."""
    match body:
        case When(condition, inner):
            yield condition
            yield from conditions_of(inner)
        case Each(_, inner):
            yield from conditions_of(inner)
        case Block(fields):
            for _, item in fields:
                yield from conditions_of(item)
        case Make(_, block):
            yield from conditions_of(block)
        case Several(items):
            for item in items:
                yield from conditions_of(item)
        case Leaf() | Filled():
            return


def field_elements(segment_map: SegmentMap) -> dict[int, tuple[str, ...]]:
    """Which elements each field of the segment makes: what ``""`` in it deletes."""
    found: dict[int, dict[str, None]] = {}
    for rule in segment_map.rules.values():
        if rule.element.startswith("extension("):
            continue  # one extension among others; removing all of them would say too much
        for element, ref in _elements(segment_map.type, rule.element, rule.body):
            if ref.segment == segment_map.segment and ref.field is not None:
                found.setdefault(ref.field, {})[element] = None
    return {number: tuple(elements) for number, elements in found.items()}


def _elements(kind: str, path: str, body: Body) -> Iterator[tuple[str, Ref]]:
    """The references of a rule with what each of them makes: ``period.end``, or all of ``name``."""
    element, _, rest = path.partition(".")
    part = definitions.whole_of_parts(kind, element)
    inner = [(rest, body)] if rest else _named(body)
    if not part or not inner:
        for ref in body_refs(body, conditions=False):
            yield element, ref
        return
    for name, item in inner:
        for below, ref in _elements(part, name, item):
            yield f"{element}.{below}", ref


def _named(body: Body) -> Sequence[tuple[str, Body]]:
    """The elements that a body names one by one."""
    match body:
        case Block(fields):
            return fields
        case When(_, inner):
            return _named(inner)
        case _:
            return ()
