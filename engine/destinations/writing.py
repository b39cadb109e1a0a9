"""One message on its way to a server that may know its resources already.

What a message states in part is read, merged and written with ifMatch (R4 3.1.0.7.2). What many
patients share is created when it is absent, updated only when the message says something new
of it, and otherwise only referred to. The rest is written as it is stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from twisted.internet.defer import gatherResults

from engine.destinations.reader import Reader
from engine.destinations.server import FhirServer, Refusal
from engine.fhir import bundle, merge
from engine.fhir.bundle import Writable
from engine.fhir.outcome import Dead, Delivered, Hold, Retry, Verdict, Written, judge

Body = dict[str, Any]

#: How often a message is sent again at once when another writer was quicker.
TRIES = 4


class Attempt(NamedTuple):
    """What came of one transaction, and whether another may do better at once."""

    verdict: Verdict
    again: bool


class Writing:
    """The resources of one message, written with what their server holds in mind."""

    def __init__(
        self, server: FhirServer, reader: Reader, items: Sequence[Writable], write: str
    ) -> None:
        self._server = server
        self._reader = reader
        self._items = items
        self._write = write
        self._versions: dict[str, str] = {}
        #: what the server said when a condition did not hold
        self._refusal: Verdict | None = None
        #: statements of shared resources: key -> fingerprint
        self._statements = {
            self._key(item): hash(orjson.dumps(item.body))
            for item in items
            if item.knows == "shared"
        }

    async def deliver(self) -> Verdict:
        """Write everything, repeating what lost a race; fails with Refusal."""
        for _ in range(TRIES):
            attempt = await self._locked()
            if not attempt.again:
                return attempt.verdict
        if isinstance(attempt.verdict, Delivered):  # yet somebody creates what we read as absent
            return Retry("others write the same resources", conflict=True)
        return attempt.verdict

    # --- shared resources --------------------------------------------------------------------

    def _key(self, item: Writable) -> str:
        if item.criterion and self._write == "upsert":
            return f"{item.body['resourceType']}?{item.criterion}"
        return bundle.own_url(item)

    def _known(self) -> dict[str, str]:
        """Where shared resources are that need neither a look nor a word: key -> reference."""
        now, shared = self._server.clock(), self._server.shared
        found = {key: shared.reference(key, said, now) for key, said in self._statements.items()}
        return {key: reference for key, reference in found.items() if reference}

    async def _locked(self) -> Attempt:
        """One attempt, as the only writer of the shared resources that are not known."""
        shared = self._server.shared
        unknown = self._statements.keys() - self._known().keys()
        taken = await shared.acquire(unknown) if unknown else []
        try:
            known = self._known()  # others may have found out what we waited for
            attempt = await self._attempt(known)
        finally:
            shared.release(taken)
        if known and isinstance(attempt.verdict, Dead | Hold) and not attempt.again:
            shared.forget(known)  # a reference of ours may lead nowhere by now: say all of it
            return Attempt(attempt.verdict, again=True)
        return attempt

    # --- one attempt -------------------------------------------------------------------------

    async def _attempt(self, known: dict[str, str]) -> Attempt:
        held = await self._read(known)
        if isinstance(held, Hold):
            return Attempt(held, again=False)
        if self._refusal is not None and self._versions == _versions(held):
            # Nothing has moved since the server said 412: another try would not help.
            return Attempt(self._refusal, again=False)
        self._versions = _versions(held)
        entries, literal = self._entries(known, held)
        if not entries:
            return Attempt(Delivered("nothing new"), again=False)
        return await self._send(entries, literal)

    async def _read(self, known: dict[str, str]) -> dict[str, Body] | Hold:
        """What the server holds of what is merged: key -> resource."""
        wanted = [
            item for item in self._items if self._is_read(item) and self._key(item) not in known
        ]
        if not wanted:
            return {}
        asked = [
            self._reader.find(item.body["resourceType"], self._condition(item)) for item in wanted
        ]
        found = await gatherResults(asked, consumeErrors=True).addErrback(_first)
        held: dict[str, Body] = {}
        for item, matches in zip(wanted, found, strict=True):
            if len(matches) > 1:
                return Hold(f"{len(matches)} resources on the server match {self._key(item)}")
            if matches:
                held[self._key(item)] = matches[0]
        return held

    def _is_read(self, item: Writable) -> bool:
        if item.knows == "shared":  # without a criterion its id comes from its content
            return bool(item.criterion)
        return item.knows == "part"

    def _condition(self, item: Writable) -> str:
        if item.criterion and self._write == "upsert":
            return item.criterion
        return f"_id={item.body['id']}"

    def _entries(
        self, known: dict[str, str], held: dict[str, Body]
    ) -> tuple[list[Body], dict[str, str]]:
        """The entries to send; and, for what is not sent, where it is: fullUrl -> reference."""
        literal = {
            f"urn:uuid:{item.uuid}": known[self._key(item)]
            for item in self._items
            if self._key(item) in known
        }
        where = literal | {
            f"urn:uuid:{item.uuid}": _reference(held[self._key(item)])
            for item in self._items
            if self._key(item) in held
        }
        entries = []
        for item in self._items:
            key = self._key(item)
            if key in known:
                continue
            if item.knows == "shared" and key in held and not _is_news(item, held[key], where):
                self._learn(key, _reference(held[key]))
                literal[f"urn:uuid:{item.uuid}"] = _reference(held[key])
                continue
            entries.append(self._entry(item, held.get(key)))
        return entries, literal

    def _entry(self, item: Writable, held: Body | None) -> Body:
        if held is not None:
            return bundle.update(item, held)
        if item.knows == "part" and item.criterion and self._write == "upsert":
            # Not a conditional update: two of these at once make two resources (HAPI 8.8).
            return bundle.create(item)
        return bundle.entry(item, self._write)

    # --- the transaction ---------------------------------------------------------------------

    async def _send(self, entries: list[Body], literal: dict[str, str]) -> Attempt:
        body = bundle.dump(bundle.envelope(entries))
        for full_url, reference in literal.items():
            body = body.replace(f'"{full_url}"'.encode(), f'"{reference}"'.encode())
        reply = await self._server.transaction(body)
        verdict, written = judge(reply, entries, self._server.now)
        if isinstance(verdict, Delivered):
            return Attempt(verdict, again=not self._settled(entries, written))
        conditional = any("ifMatch" in entry["request"] for entry in entries)
        self._refusal = verdict if reply.status == 412 else None
        return Attempt(verdict, again=reply.status == 409 or (reply.status == 412 and conditional))

    def _settled(self, entries: list[Body], written: list[Written]) -> bool:
        """Whether all that we stated is there: what another created before us is not ours."""
        overtaken = False
        items = {f"urn:uuid:{item.uuid}": item for item in self._items}
        for entry, result in zip(entries, written, strict=True):
            item = items[entry["fullUrl"]]
            existed = "ifNoneExist" in entry["request"] and result.status == 200
            if item.knows != "shared":
                overtaken = overtaken or existed
            elif result.kind and not existed:
                changed = "ifMatch" in entry["request"]
                self._learn(self._key(item), f"{result.kind}/{result.id}", changed=changed)
        return not overtaken

    def _learn(self, key: str, reference: str, *, changed: bool = False) -> None:
        shared, now = self._server.shared, self._server.clock()
        shared.learn(key, self._statements[key], reference, now, changed=changed)


def _is_news(item: Writable, held: Body, where: dict[str, str]) -> bool:
    return merge.news(held, bundle.redirected(item.body, where))


def _reference(resource: Body) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _versions(held: dict[str, Body]) -> dict[str, str]:
    return {key: resource.get("meta", {}).get("versionId", "") for key, resource in held.items()}


def _first(failure: Any) -> Any:
    """The failure itself, out of the one that says which of several it was."""
    return failure.value.subFailure if hasattr(failure.value, "subFailure") else failure


__all__ = ["TRIES", "Refusal", "Writing"]
