"""What a server holds and what a message states, as one resource.

PUT replaces a whole resource (R4 3.1.0.7), while a message may know its subject only in part.
So, element by element:

- an element that the message does not mention stays, and one that it deletes goes;
- an element that it states replaces the server's, lists included: an address that the sender
  has dropped must not live on. An element is its value, its ``_value`` and all its choices.
- an element whose parts are facts apart (the end of a period, the destination of a discharge)
  is merged part by part.
- a list that several fields fill (telecom: the numbers at home and at work; participant: each
  function) is replaced as far as the message fills it; links to merged records are united.
- ``identifier`` (by system and value), ``extension`` (by url), ``contained`` (by id) and the parts
  of ``meta`` are united: other systems put theirs there too.
- a required element that the message had to fill with "unknown" does not replace a value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson

from engine.fhir import definitions
from engine.fhir.uris import ABSENT

Body = dict[str, Any]

#: Elements that only the server sets (R4 Meta).
_SERVERS_OWN = ("versionId", "lastUpdated")


def merge(
    held: Body, stated: Body, removed: Sequence[str] = (), assumed: Sequence[str] = ()
) -> Body:
    """The resource to write: what is held, with what a message states and deletes.

    What it only assumes does not replace anything that is known.
    """
    kind = held["resourceType"]
    kept = {key: value for key, value in held.items() if not _is_stale(key, value)}
    left_out = {"id", *(key for key in assumed if _is_known(kind, key, held))}
    said = {key: value for key, value in stated.items() if key not in left_out}
    return _without_servers_own(_merged(kind, kept, said, removed))


def _is_known(kind: str, key: str, held: Body) -> bool:
    return key in held and not _is_filler(kind, key, held[key])


def _merged(kind: str, held: Body, stated: Body, removed: Sequence[str]) -> Body:
    """A resource, or an element that is merged part by part."""
    whole = [name for name in removed if "." not in name]
    result = dict(held)
    said = {
        key: value for key, value in stated.items() if not _adds_nothing(kind, key, value, held)
    }
    for key in (*said, *whole):
        for name in _forms(kind, key):
            if name not in said and _united_by(kind, name) is None:
                result.pop(name, None)
    for name in whole:
        result.pop(name, None)
    for key, value in said.items():
        result[key] = _stated(kind, key, result.get(key), value, removed)
    _remove_parts(kind, result, said, removed)
    return result


def _stated(kind: str, key: str, held: Any, value: Any, removed: Sequence[str]) -> Any:
    """An element as it is after a message has stated it."""
    if held is None:
        return value
    if unite := _united_by(kind, key):
        return unite(held, value)
    part = definitions.whole_of_parts(kind, key)
    if not part or not (isinstance(held, dict) and isinstance(value, dict)):
        return value
    merged = _merged(part, held, value, _below(key, removed))
    return _period(merged, value) if part == "Period" else merged


def _remove_parts(kind: str, result: Body, said: Body, removed: Sequence[str]) -> None:
    """Delete parts of elements of which a message says nothing else."""
    for key in {name.partition(".")[0] for name in removed if "." in name} - said.keys():
        held, part = result.get(key), definitions.whole_of_parts(kind, key)
        if part and isinstance(held, dict):
            result[key] = _merged(part, held, {}, _below(key, removed))
            if not result[key]:
                del result[key]


def _below(key: str, removed: Sequence[str]) -> list[str]:
    return [name.removeprefix(f"{key}.") for name in removed if name.startswith(f"{key}.")]


def _period(merged: Body, stated: Body) -> Body:
    """An end before the stated start, or a start after the stated end, is another period's."""
    start, end = merged.get("start", ""), merged.get("end", "~")
    length = min(len(start), len(end), len("2026-01-05"))
    return stated if end[:length] < start[:length] else merged


def _without_servers_own(body: Body) -> Body:
    meta = {key: value for key, value in body.pop("meta", {}).items() if key not in _SERVERS_OWN}
    return {**body, "meta": meta} if meta else body


def _is_stale(key: str, value: Any) -> bool:
    """A narrative that was generated says what the elements said before."""
    return key == "text" and value.get("status") == "generated"


def _adds_nothing(kind: str, key: str, value: Any, held: Body) -> bool:
    return _is_filler(kind, key, value) and any(name in held for name in _forms(kind, key))


def _is_filler(kind: str, key: str, value: Any) -> bool:
    """Whether an element is there only because R4 requires one."""
    if value == "unknown":
        return key in _required_codes(kind)
    if isinstance(value, list):
        return bool(value) and all(_is_filler(kind, key, item) for item in value)
    if not isinstance(value, dict) or value.keys() != {"extension"}:
        return False
    return all(item.get("url") == ABSENT for item in value["extension"])


@lru_cache(maxsize=256)
def _required_codes(kind: str) -> frozenset[str]:
    elements = definitions.elements(kind).values()
    return frozenset(e.name for e in elements if e.required and "unknown" in e.codes)


@lru_cache(maxsize=4096)
def _forms(kind: str, key: str) -> tuple[str, ...]:
    """Every JSON name under which an element, or its choice, can stand."""
    base = key.removeprefix("_").removesuffix("[x]")
    element = definitions.elements(kind).get(base)
    group = element.choice_group if element else base
    names = definitions.choices(kind, group) if group else ()
    return tuple(form for name in (names or (base,)) for form in (name, "_" + name))


# --- lists that several systems write ---------------------------------------------------------


def _by(key: Callable[[Any], Hashable]) -> Callable[[Any, Any], Any]:
    """Unite two lists: an item of the message replaces the held one of the same key."""

    def unite(held: Any, stated: Any) -> Any:
        if not (isinstance(held, list) and isinstance(stated, list)):
            return stated
        stated_keys = {key(item) for item in stated}
        return [item for item in held if key(item) not in stated_keys] + stated

    return unite


def _written(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _identifier(item: Body) -> Hashable:
    pair = item.get("system"), item.get("value")
    return pair if all(pair) else _written(item)


def _coding(item: Body) -> Hashable:
    return item.get("system"), item.get("code")


def _meta(held: Body, stated: Body) -> Body:
    result = dict(held)
    for key, value in stated.items():
        unite = _META.get(key)
        result[key] = unite(held[key], value) if unite and key in held else value
    return result


def _place(item: Body) -> Hashable:
    """PID-13 and PID-14, NK1-5 and NK1-6: numbers at home, and at work."""
    return item.get("use") == "work"


def _function(item: Body) -> Hashable:
    """The types of a participant: PV1-7, PV1-8, PV1-9, PV1-17 and PV1-52 have one each."""
    concepts = item.get("type", ())
    return tuple(_coding(coding) for concept in concepts for coding in concept.get("coding", ()))


def _link(item: Body) -> Hashable:
    """A record may replace several, one after the other, and be replaced itself in the end."""
    return item.get("type"), item.get("other", {}).get("reference")


def _contacts(held: list[Body], stated: list[Body]) -> list[Body]:
    """Those that a message names; of one that is known by this name it may say less."""
    known = {_written(item.get("name")): item for item in held}
    return [_merged("PatientContact", known.get(_written(item.get("name")), {}), item, ())
            for item in stated]  # fmt: skip


_META = {"profile": _by(lambda url: url), "tag": _by(_coding), "security": _by(_coding)}
_EXTENSION = _by(lambda item: item.get("url"))
_UNITED: dict[str, Callable[[Any, Any], Any]] = {
    "meta": _meta,
    "identifier": _by(_identifier),
    "extension": _EXTENSION,
    "modifierExtension": _EXTENSION,
    "contained": _by(lambda item: item.get("id")),
}
_GROUPED: dict[tuple[str, str], Callable[[Any, Any], Any]] = {
    ("Patient", "telecom"): _by(_place),
    ("Patient", "contact"): _contacts,
    ("Patient", "link"): _by(_link),
    ("PatientContact", "telecom"): _by(_place),
    ("RelatedPerson", "telecom"): _by(_place),
    ("Encounter", "participant"): _by(_function),
}


def _united_by(kind: str, key: str) -> Callable[[Any, Any], Any] | None:
    return _UNITED.get(key) or _GROUPED.get((kind, key))


def has_groups(kind: str, key: str) -> bool:
    """Whether an element is a list that several fields fill, each its own group."""
    return (kind, key) in _GROUPED


# --- whether there is anything new ------------------------------------------------------------


def covers(held: Any, stated: Any) -> bool:
    """Whether everything that is stated is held already, perhaps among more."""
    if isinstance(stated, dict):
        return isinstance(held, dict) and all(
            key in held and covers(held[key], value) for key, value in stated.items()
        )
    if isinstance(stated, list):
        return isinstance(held, list) and all(
            any(covers(item, value) for item in held) for value in stated
        )
    return bool(held == stated) or _written(held) == _written(stated)


def news(held: Body, stated: Body) -> bool:
    """Whether a resource states anything that the server's does not hold."""
    kind = stated["resourceType"]
    said = (
        (key, value)
        for key, value in stated.items()
        if key not in ("id", "resourceType") and not _adds_nothing(kind, key, value, held)
    )
    return not all(key in held and covers(held[key], value) for key, value in said)


def unite(first: Body, others: Iterable[Body]) -> Body:
    """What one message says of one resource in several places; the first place goes first."""
    result = dict(first)
    for other in others:
        for key, value in other.items():
            known = result.get(key)
            if known is None or (key != "id" and covers(value, known)):
                result[key] = value
            elif isinstance(known, list) and isinstance(value, list):
                result[key] = known + [v for v in value if not any(covers(k, v) for k in known)]
    return result
