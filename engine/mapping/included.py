"""``make: PRT[PractitionerRole]``: the resource that another map of the segment describes.

A participation means something else after each segment, but the role it names is made alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.mapping import constants
from engine.mapping.model import Block, Body, Each, Make, Rule, SegmentMap, Several, When


def expanded(segments: Mapping[str, SegmentMap]) -> dict[str, SegmentMap]:
    """The maps with the rules of every map that they name put in its place."""
    return {
        name: replace(item, rules={key: _rule(rule, segments) for key, rule in item.rules.items()})
        for name, item in segments.items()
    }


def _rule(rule: Rule, segments: Mapping[str, SegmentMap]) -> Rule:
    body = _body(rule.body, segments)
    return rule if body is rule.body else replace(rule, body=body)


def _body(body: Body, segments: Mapping[str, SegmentMap]) -> Body:
    match body:
        case Block(fields):
            inner = tuple((key, _body(item, segments)) for key, item in fields)
            changed = any(new is not old for (_, new), (_, old) in zip(inner, fields, strict=True))
            return replace(body, fields=inner) if changed else body
        case Several(items):
            several = tuple(_body(item, segments) for item in items)
            changed = any(new is not old for new, old in zip(several, items, strict=True))
            return replace(body, items=several) if changed else body
        case When() | Each():
            inside = _body(body.body, segments)
            return body if inside is body.body else replace(body, body=inside)
        case Make(resource, block, place):
            named = segments.get(resource)
            if named is not None:
                body = Make(named.type, _block(named, block), place, resource)
            made = _body(body.block, segments)
            return body if made is body.block else replace(body, block=made)  # type: ignore[arg-type]
    return body


def _block(named: SegmentMap, own: Block) -> Block:
    """The rules of a map as one block; what is written beside ``make`` comes first."""
    fields = list(own.fields)
    taken = {key for key, _ in fields}
    for rule in named.rules.values():
        key, body = constants.reader.nested(rule.element, rule.body, rule.place)
        if key not in taken:
            fields.append((key, body))
    return Block(tuple(fields), own.place)
