"""Resources to one transaction Bundle: each once, linked, and written idempotently.

R4 3.1.0.11.2 (transaction), 3.1.0.7.1 (conditional update), 3.1.0.8.1 (conditional create). What
a server really does with two entries of one condition (it drops the second without a word) is
why equal resources are merged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import orjson

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
    def uuid(self) -> str:
        """The UUID that its fullUrl and all references use."""


def transaction(resources: Sequence[Writable], *, write: str = "upsert") -> Body:
    """The transaction Bundle of a message's resources; the same input gives the same Bundle.

    ``write``: ``upsert`` (conditional update, conditional create for what many share), ``own-ids``
    (PUT with deterministic ids) or ``create`` (conditional creates only).
    """
    kept, moved = merged(resources)
    entries = [entry(resource, request(resource, write)) for resource in kept]
    for made in entries if moved else ():
        made["resource"] = redirected(made["resource"], moved)
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def entry(resource: Writable, how: Body) -> Body:
    """One entry; a body that the server names itself carries no id."""
    body = resource.body
    if how["method"] == "POST" or "?" in how["url"]:
        body = {key: value for key, value in body.items() if key != "id"}
    return {"fullUrl": "urn:uuid:" + resource.uuid, "resource": body, "request": how}


def request(resource: Writable, write: str) -> Body:
    """How one resource is written."""
    kind, own = resource.body["resourceType"], resource.body["id"]
    if write == "own-ids" or not resource.criterion:
        return {"method": "PUT", "url": f"{kind}/{own}"}
    condition = encoded(resource.criterion)
    if write == "create" or resource.knows == "shared":
        return {"method": "POST", "url": kind, "ifNoneExist": condition}
    return {"method": "PUT", "url": f"{kind}?{condition}"}


def encoded(criterion: str) -> str:
    """A criterion as the query of a URL."""
    name, _, value = criterion.partition("=")
    return f"{name}={quote(value, safe=':/.-_~')}"


def merged(resources: Sequence[Writable]) -> tuple[list[Writable], dict[str, str]]:
    """Resources of one type and criterion as one; and where references to the others go."""
    first: dict[tuple[str, str], Writable] = {}
    kept: list[Writable] = []
    moved: dict[str, str] = {}
    for resource in resources:
        if not resource.criterion:
            kept.append(resource)
            continue
        key = (resource.body["resourceType"], resource.criterion)
        known = first.setdefault(key, resource)
        if known is resource:
            kept.append(resource)
        else:
            moved["urn:uuid:" + resource.uuid] = "urn:uuid:" + known.uuid
            absorb(known.body, resource.body)
    return kept, moved


def absorb(known: Body, other: Body) -> None:
    """Add to one resource what another of the same identity says besides."""
    for key, value in other.items():
        present = known.get(key)
        if present is None:
            known[key] = value
        elif isinstance(present, list) and isinstance(value, list):
            known[key] = present + [item for item in value if item not in present]


def redirected(value: Any, moved: dict[str, str]) -> Any:
    """A copy of a value whose references to merged resources go to what they were merged into."""
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


def dump(bundle: Body, *, pretty: bool = False) -> bytes:
    """The JSON of a Bundle, in one line unless ``pretty``."""
    return orjson.dumps(bundle, option=orjson.OPT_INDENT_2 if pretty else 0)


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
