"""Resources to one transaction Bundle: each once, linked, and written so that a repeat is harmless.

R4 3.1.0.11.2 (transaction), 3.1.0.7.1 (conditional update), 3.1.0.8.1 (conditional create). What
a server really does with two entries of one condition (it drops the second without a word) is
why equal resources are merged here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import orjson

from engine.fhir import definitions, merge
from engine.fhir.criterion import encoded
from engine.fhir.uris import URIS

Body = dict[str, Any]


class Writable(Protocol):
    """What a Bundle needs to know of a resource."""

    @property
    def body(self) -> Body:
        """The resource, with its type and id."""

    @property
    def criterion(self) -> str:
        """The search that finds it on a server, or ""."""

    @property
    def knows(self) -> str:
        """How much the message states of it: part, whole or shared."""

    @property
    def removed(self) -> tuple[str, ...]:
        """The names of elements that the message deletes."""

    @property
    def uuid(self) -> str:
        """The UUID that its fullUrl and all references use."""

    @property
    def assumed(self) -> tuple[str, ...]:
        """The names of elements that the message only infers."""


@dataclass(frozen=True, slots=True)
class Item:
    """A resource that was put together from several places of one message."""

    body: Body
    criterion: str
    knows: str
    removed: tuple[str, ...]
    uuid: str
    assumed: tuple[str, ...] = ()


@dataclass(slots=True)
class Stated:
    """A resource as its message states it, serialised; read again only where it is merged."""

    text: bytes
    criterion: str
    knows: str
    removed: tuple[str, ...]
    uuid: str
    assumed: tuple[str, ...] = ()
    _body: Body | None = field(default=None, repr=False, compare=False)

    @property
    def body(self) -> Body:
        """The resource itself; its decimals keep their digits."""
        if self._body is None:
            self._body = load(self.text) or {}
        return self._body


class Entry(NamedTuple):
    """An entry of a transaction, serialised, with what an answer to it is told by."""

    method: str
    url: str
    #: the type of the resource
    kind: str
    full_url: str
    #: created only when its condition finds nothing (ifNoneExist)
    conditional: bool
    #: written only when nobody has written it since it was read (ifMatch)
    versioned: bool
    text: bytes


def serialised(entry: Body) -> Entry:
    """An entry as it goes over the wire."""
    request = entry["request"]
    return Entry(
        request["method"],
        request["url"],
        entry["resource"]["resourceType"],
        entry["fullUrl"],
        "ifNoneExist" in request,
        "ifMatch" in request,
        orjson.dumps(entry),
    )


def joined(entries: Iterable[Entry], *, identifier: bytes = b"") -> bytes:
    """The JSON of a transaction of these entries; ``identifier``: one of its own, as JSON."""
    named = b'"identifier":%b,' % identifier if identifier else b""
    texts = b",".join([entry.text for entry in entries])
    return b'{"resourceType":"Bundle",%b"type":"transaction","entry":[%b]}' % (named, texts)


def transaction(resources: Sequence[Writable], *, write: str = "upsert") -> Body:
    """The transaction Bundle of a message's resources; the same input gives the same Bundle.

    ``write``: ``upsert`` (conditional update; conditional create for what many share),
    ``own-ids`` (PUT with deterministic ids) or ``create`` (conditional creates only). What has
    no criterion is written under its own id, so that sending it again changes nothing.
    """
    return envelope([entry(resource, write) for resource in gathered(resources)])


def envelope(entries: list[Body]) -> Body:
    """Entries as a transaction."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def entry(resource: Writable, write: str) -> Body:
    """One resource as it is written without knowing what the server holds."""
    kind, criterion = resource.body["resourceType"], resource.criterion
    if write == "create":
        return _create(resource)
    if write == "own-ids" or not criterion:
        return _entry(resource, resource.body, {"method": "PUT", "url": own_url(resource)})
    if resource.knows == "shared":
        return create(resource)
    request = {"method": "PUT", "url": f"{kind}?{encoded(criterion)}"}
    return _entry(resource, _without_id(resource.body), request)


def own_url(resource: Writable) -> str:
    """Where a resource is written under its deterministic id."""
    return f"{resource.body['resourceType']}/{resource.body['id']}"


def create(resource: Writable) -> Body:
    """A resource that is created when its criterion finds none."""
    request = {"method": "POST", "url": resource.body["resourceType"]}
    request["ifNoneExist"] = encoded(resource.criterion)
    return _entry(resource, _without_id(resource.body), request)


def update(resource: Writable, held: Body, where: Mapping[str, str]) -> Body:
    """A resource merged into what the server holds, unless another has written it meanwhile.

    ``where``: fullUrl -> reference, for links that the server may hold already.
    """
    stated = resource.body
    if "link" in stated:
        stated = redirected(stated, where)
    body = merge.merge(held, stated, resource.removed, resource.assumed)
    request = {"method": "PUT", "url": f"{held['resourceType']}/{held['id']}"}
    version = held.get("meta", {}).get("versionId")
    if version:
        request["ifMatch"] = f'W/"{version}"'
    return _entry(resource, body, request)


def _entry(resource: Writable, body: Body, request: Body) -> Body:
    return {"fullUrl": f"urn:uuid:{resource.uuid}", "resource": body, "request": request}


def _without_id(body: Body) -> Body:
    """A body that the server names."""
    return {key: value for key, value in body.items() if key != "id"}


# --- create: for servers that take no ids of ours and where nothing is to be overwritten -------


def _create(resource: Writable) -> Body:
    return create(resource if resource.criterion else _marked(resource))


def _marked(resource: Writable) -> Item:
    """A resource without a criterion, given one: its own UUID."""
    body, value = dict(resource.body), f"urn:uuid:{resource.uuid}"
    identifier = definitions.elements(body["resourceType"]).get("identifier")
    if identifier is not None and identifier.is_list:
        body["identifier"] = [*body.get("identifier", ()), {"system": URIS, "value": value}]
        criterion = f"identifier={URIS}|{value}"
    else:  # Provenance and a few others have none; every resource can be tagged
        meta = body.get("meta", {})
        body["meta"] = {**meta, "tag": [*meta.get("tag", ()), {"system": URIS, "code": value}]}
        criterion = f"_tag={URIS}|{value}"
    return Item(body, criterion, resource.knows, resource.removed, resource.uuid)


# --- each resource once -----------------------------------------------------------------------


def gathered(resources: Sequence[Writable]) -> list[Writable]:
    """Resources of one identity as one, and the references to them going there."""
    if len({resource.criterion or resource.uuid for resource in resources}) == len(resources):
        return list(resources)  # as nearly always
    found: dict[str, list[Writable]] = {}
    for resource in resources:
        found.setdefault(_identity(resource), []).append(resource)
    moved = {
        f"urn:uuid:{other.uuid}": f"urn:uuid:{first.uuid}"
        for first, *others in found.values()
        for other in others
        if other.uuid != first.uuid
    }
    items = [_united(first, others) for first, *others in found.values()]
    return [_redirected(item, moved) for item in items] if moved else items


def _identity(resource: Writable) -> str:
    return f"{resource.body['resourceType']}?{resource.criterion or resource.uuid}"


def _united(first: Writable, others: list[Writable]) -> Writable:
    if not others:
        return first
    body = merge.unite(first.body, (other.body for other in others))
    names = (name for each in (first, *others) for name in each.removed if name not in body)
    removed = tuple(dict.fromkeys(names))
    return Item(body, first.criterion, first.knows, removed, first.uuid, first.assumed)


def _redirected(resource: Writable, moved: dict[str, str]) -> Writable:
    body = redirected(resource.body, moved)
    return Item(
        body,
        resource.criterion,
        resource.knows,
        resource.removed,
        resource.uuid,
        resource.assumed,
    )


def redirected(value: Any, moved: Mapping[str, str]) -> Any:
    """A copy of a value whose references go where ``moved`` says."""
    if isinstance(value, dict):
        return {
            key: moved.get(item, item)
            if key == "reference" and isinstance(item, str)
            else redirected(item, moved)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redirected(item, moved) for item in value]
    return value


# --- JSON -------------------------------------------------------------------------------------


def dump(bundle: Body, *, pretty: bool = False) -> bytes:
    """The JSON of a Bundle, in one line unless ``pretty``."""
    return orjson.dumps(bundle, option=orjson.OPT_INDENT_2 if pretty else 0)


def load(body: bytes) -> Body | None:
    """A FHIR resource whose decimals keep their digits (5.10 is not 5.1); None when it is none."""
    try:
        value = json.loads(body, parse_float=_decimal)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and "resourceType" in value else None


def _decimal(digits: str) -> orjson.Fragment:
    return orjson.Fragment(digits.encode())


def references(bundle: Body) -> Iterable[str]:
    """Every reference of a Bundle, for whoever checks that they resolve."""
    stack: list[Any] = [made["resource"] for made in bundle["entry"]]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            found = value.get("reference")
            if isinstance(found, str):
                yield found
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
