"""Deliver to a FHIR server: one transaction per message, idempotent, erasing nothing unsaid."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.config import FhirDestination, Server
from engine.destinations.http import Answer, Client, Unreachable, deferred
from engine.destinations.merge import merge
from engine.fhir import bundle
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Retry, Verdict, classify
from engine.mapping.result import Knows, Mapped, Resource

#: How often a resource that changed under our hands is read again before the delivery waits.
CONFLICTS = 3


@dataclass(frozen=True, slots=True)
class Merged:
    """A resource that the server holds, with what the message says of it, and how it is put."""

    body: dict[str, Any]
    request: dict[str, Any]


class FhirSender:
    """Sends to one destination of type ``fhir``."""

    def __init__(self, destination: FhirDestination, server: Server) -> None:
        self.name = destination.name
        self.concurrency = server.concurrency
        self._write = destination.write
        self._client = Client(server)

    async def deliver(self, mapped: Mapped, delivery_id: int) -> Verdict:  # noqa: ARG002 - one shape
        """Write the resources of a message."""
        verdict: Verdict = await deferred(self._deliver(mapped.resources))
        return verdict

    async def close(self) -> None:
        """Close the connections."""
        await deferred(self._client.close())

    async def _deliver(self, resources: Sequence[Resource]) -> Verdict:
        if not resources:
            return Delivered("nothing to write")
        try:
            if self._write != "upsert":
                return await self._transaction(bundle.transaction(resources, write=self._write))
            return await self._upsert(resources)
        except Unreachable as cause:
            return Retry(str(cause))

    async def _transaction(self, made: dict[str, Any]) -> Verdict:
        answer = await self._client.request("POST", body=bundle.dump(made))
        return classify(answer.status, answer.body, answer.retry_after)

    # ------------------------------------------------------------ upsert

    async def _upsert(self, resources: Sequence[Resource]) -> Verdict:
        """Read what the server holds of resources known in part, merge, write, and once more
        when somebody was quicker.
        """
        verdict: Verdict = Retry("the server's resources changed meanwhile")
        for _ in range(CONFLICTS):
            made = bundle.transaction(resources, write="upsert")
            refused = await self._merge_held(resources, made)
            if refused is not None:
                return refused
            answer = await self._client.request("POST", body=bundle.dump(made))
            verdict = classify(answer.status, answer.body, answer.retry_after)
            if answer.status not in (409, 412):
                break
        return verdict

    async def _merge_held(
        self, resources: Sequence[Resource], made: dict[str, Any]
    ) -> Verdict | None:
        """Replace the entries of resources known in part; a verdict ends the delivery."""
        parts = {"urn:uuid:" + item.uuid: item for item in resources if item.knows is Knows.PART}
        entries = [entry for entry in made["entry"] if entry["fullUrl"] in parts]
        found = await asyncio.gather(
            *(self._held(entry, parts[entry["fullUrl"]]) for entry in entries)
        )
        for entry, held in zip(entries, found, strict=True):
            if isinstance(held, Merged):
                entry["resource"], entry["request"] = held.body, held.request
            elif held is not None:
                return held
        return None

    async def _held(self, entry: dict[str, Any], resource: Resource) -> Merged | Verdict | None:
        """What the server holds of one resource; None when it holds nothing."""
        kind = resource.body["resourceType"]
        if resource.criterion:
            query = f"{kind}?{bundle.encoded(resource.criterion)}&_count=2"
            answer = await self._client.request("GET", query)
            return self._searched(answer, entry, resource)
        answer = await self._client.request("GET", f"{kind}/{resource.body['id']}")
        if answer.status in (404, 410):
            return None
        if answer.status != 200 or not isinstance(answer.body, dict):
            return classify_read(answer)
        return merged_entry(answer.body, entry, resource)

    def _searched(
        self, answer: Answer, entry: dict[str, Any], resource: Resource
    ) -> Merged | Verdict | None:
        if answer.status != 200 or not isinstance(answer.body, dict):
            return classify_read(answer)
        kind = resource.body["resourceType"]
        matches = [
            item["resource"]
            for item in answer.body.get("entry", ())
            if item.get("resource", {}).get("resourceType") == kind
        ]
        if len(matches) > 1:
            return Hold(f"{kind}: more than one on the server has this identifier")
        if not matches:
            condition = bundle.encoded(resource.criterion)
            entry["request"] = {"method": "POST", "url": kind, "ifNoneExist": condition}
            return None
        return merged_entry(matches[0], entry, resource)


def merged_entry(held: dict[str, Any], entry: dict[str, Any], resource: Resource) -> Merged:
    """The entry that writes a merged resource, if nobody has changed it since it was read."""
    kind, own = held["resourceType"], held["id"]
    body = merge(held, entry["resource"], resource.removed)
    request = {"method": "PUT", "url": f"{kind}/{own}"}
    version = held.get("meta", {}).get("versionId")
    if version:
        request["ifMatch"] = f'W/"{version}"'
    return Merged({"resourceType": kind, "id": own, **body}, request)


def classify_read(answer: Answer) -> Verdict:
    """The verdict of a read that gave no resource: it says nothing about the message."""
    verdict = classify(answer.status, answer.body, answer.retry_after)
    if isinstance(verdict, Dead | Delivered | Hold):
        return Down(f"HTTP {answer.status} to a read")
    return verdict
