"""One message on its way to a server that may know its resources already.

What a message states in part is read, merged and written with ifMatch (R4 3.1.0.7.2). What many
patients share is created when it is absent, updated only when the message says something new
of it, and otherwise only referred to. The rest is written as it is stated.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.defer import gatherResults

from engine.destinations.reader import Reader
from engine.destinations.server import FhirServer
from engine.fhir import bundle, merge
from engine.fhir.bundle import Entry, Stated
from engine.fhir.outcome import Dead, Delivered, Hold, Retry, Verdict, Written, judge
from engine.mapping.prepared import Prepared

Body = dict[str, Any]

#: How often a message is sent again at once when another writer was quicker.
TRIES = 4

#: What is raised over JSON of another shape than FHIR's.
_ODD = (AttributeError, LookupError, TypeError, ValueError)

_UUID = len("urn:uuid:")


class Attempt(NamedTuple):
    """What came of one transaction, and whether another may do better at once."""

    verdict: Verdict
    again: bool


class Part(NamedTuple):
    """A resource with the key that it is known by here, and what finds it on the server."""

    stated: Stated
    kind: str
    key: str
    criterion: str
    full_url: str
    #: of a shared resource: what tells this statement of it from another
    statement: int = 0


class Writing:
    """The resources of one message, written with what their server holds in mind."""

    def __init__(self, server: FhirServer, reader: Reader, prepared: Prepared, write: str) -> None:
        self._server = server
        self._reader = reader
        self._made = prepared.entries
        self._write = write
        self._versions: dict[str, str] = {}
        #: what the server said when a condition did not hold
        self._refusal: Verdict | None = None
        #: what the message states in part, and what it shares with others
        self._parts: list[Part] = []
        self._shared: list[Part] = []
        for place, stated in prepared.open.items():
            parts = self._shared if stated.knows == "shared" else self._parts
            parts.append(self._part(stated, prepared.entries[place]))

    def _part(self, stated: Stated, made: Entry) -> Part:
        kind, full_url, criterion = made.kind, made.full_url, stated.criterion
        statement = hash(stated.text) if stated.knows == "shared" else 0
        if criterion and self._write == "upsert":
            return Part(stated, kind, f"{kind}?{criterion}", criterion, full_url, statement)
        # The own id of a shared resource without a criterion comes from its content: such a
        # resource never changes, and there is nothing to read.
        is_read = criterion or stated.knows == "part"
        by_id = f"_id={made.url.rpartition('/')[2]}" if is_read else ""
        return Part(stated, kind, made.url, by_id, full_url, statement)

    async def deliver(self) -> Verdict:
        """Write everything, repeating what lost a race; fails with Refusal."""
        for _ in range(TRIES):
            attempt = await self._locked()
            if not attempt.again:
                return attempt.verdict
        if isinstance(attempt.verdict, Delivered) or self._refusal is not None:
            # Each time somebody created what we read as absent, or wrote what we had read.
            return Retry("others write the same resources", conflict=True)
        return attempt.verdict

    # --- shared resources --------------------------------------------------------------------

    def _known(self) -> dict[str, str]:
        """Where shared resources are that need neither a look nor a word: key -> reference."""
        now, shared = self._server.elapsed(), self._server.shared
        return {
            part.key: reference
            for part in self._shared
            if (reference := shared.reference(part.key, part.statement, now))
        }

    async def _locked(self) -> Attempt:
        """One attempt, as the only writer of the shared resources that are not known."""
        shared, known = self._server.shared, self._known()
        if len(known) == len(self._shared):
            return self._doubted(known, await self._attempt(known))
        taken = await shared.acquire(part.key for part in self._shared if part.key not in known)
        try:
            known = self._known()  # others may have found out what we waited for
            return self._doubted(known, await self._attempt(known))
        finally:
            shared.release(taken)

    def _doubted(self, known: dict[str, str], attempt: Attempt) -> Attempt:
        """A reference of ours may lead nowhere by now: then all is said, once."""
        if known and isinstance(attempt.verdict, Dead | Hold) and not attempt.again:
            self._server.shared.forget(known)
            return Attempt(attempt.verdict, again=True)
        return attempt

    def _learn(self, part: Part, reference: str, *, changed: bool = False) -> None:
        shared, now = self._server.shared, self._server.elapsed()
        shared.learn(part.key, part.statement, reference, now, changed=changed)

    # --- one attempt -------------------------------------------------------------------------

    async def _attempt(self, known: dict[str, str]) -> Attempt:
        held = await self._read(known)
        if isinstance(held, Hold):
            return Attempt(held, again=False)
        try:
            versions, literal, entries = self._merged(known, held)
        except _ODD as fault:
            if not held:
                raise
            # No fault of the message: the server may hold, or say, something else the next time.
            what = f"what the server holds cannot be merged: {type(fault).__name__}"
            return Attempt(Retry(what), again=False)
        if self._refusal is not None and self._versions == versions:
            # Nothing has moved since the server said 412: another try would not help.
            return Attempt(self._refusal, again=False)
        self._versions = versions
        if not entries:
            return Attempt(Delivered("nothing new"), again=False)
        return await self._send(entries, literal)

    def _merged(
        self, known: dict[str, str], held: dict[str, Body]
    ) -> tuple[dict[str, str], dict[str, str], list[Entry]]:
        """The versions of what is held; where it is; and what is to be sent, merged with it."""
        versions = {
            key: resource.get("meta", {}).get("versionId", "") for key, resource in held.items()
        }
        literal = self._literal(known, held)
        return versions, literal, self._entries(literal, held)

    async def _read(self, known: dict[str, str]) -> dict[str, Body] | Hold:
        """What the server holds of what is merged: key -> resource."""
        wanted = self._parts + [
            part for part in self._shared if part.criterion and part.key not in known
        ]
        if not wanted:
            return {}
        asked = [self._reader.find(part.kind, part.criterion) for part in wanted]
        found = await gatherResults(asked, consumeErrors=True).addErrback(_first)
        for part, matches in zip(wanted, found, strict=True):
            if len(matches) > 1:
                return Hold(f"{len(matches)} resources on the server match {part.key}")
        return {
            part.key: matches[0] for part, matches in zip(wanted, found, strict=True) if matches
        }

    def _literal(self, known: dict[str, str], held: dict[str, Body]) -> dict[str, str]:
        """Where what need not be sent is on the server: fullUrl -> reference."""
        literal = {part.full_url: known[part.key] for part in self._shared if part.key in known}
        read = [part for part in self._shared if part.key in held]
        if read:
            where = literal | {
                part.full_url: _reference(held[part.key])
                for part in (*self._parts, *read)
                if part.key in held
            }
            for part in read:
                stated = bundle.redirected(part.stated.body, where)
                if not merge.news(held[part.key], stated):
                    reference = literal[part.full_url] = _reference(held[part.key])
                    self._learn(part, reference)
        return literal

    def _entries(self, literal: dict[str, str], held: dict[str, Body]) -> list[Entry]:
        where = {
            part.full_url: _reference(held[part.key]) for part in self._parts if part.key in held
        }
        merged = {
            part.full_url: bundle.serialised(bundle.update(part.stated, held[part.key], where))
            for part in (*self._parts, *self._shared)
            if part.key in held and part.full_url not in literal
        }
        return [
            merged.get(entry.full_url, entry)
            for entry in self._made
            if entry.full_url not in literal
        ]

    # --- the transaction ---------------------------------------------------------------------

    async def _send(self, entries: list[Entry], literal: dict[str, str]) -> Attempt:
        body = _referring(bundle.joined(entries), literal)
        reply = await self._server.transaction(body)
        verdict, written = judge(reply, entries, self._server.now)
        if isinstance(verdict, Delivered):
            return Attempt(verdict, again=self._overtaken(entries, written))
        conditional = any(entry.versioned for entry in entries)
        self._refusal = verdict if reply.status == 412 else None
        return Attempt(verdict, again=reply.status == 409 or (reply.status == 412 and conditional))

    def _overtaken(self, entries: list[Entry], written: list[Written]) -> bool:
        """Whether another has created what we state in part: then it is not as we state it."""
        sent = {
            entry.full_url: (entry, answer) for entry, answer in zip(entries, written, strict=True)
        }
        for part in self._shared:
            if part.full_url in sent:
                self._learn_from(part, *sent[part.full_url])
        return any(_existed(*sent[part.full_url]) for part in self._parts)

    def _learn_from(self, part: Part, entry: Entry, answer: Written) -> None:
        """Where a shared resource is that we have just written."""
        if entry.method == "PUT":
            self._learn(part, entry.url, changed=entry.versioned)
        elif answer.kind and not _existed(entry, answer):
            self._learn(part, f"{answer.kind}/{answer.id}")


def _referring(body: bytes, literal: dict[str, str]) -> bytes:
    """A Bundle's JSON whose references to what is not sent say where that is.

    No other text can hold a quotation mark, ``urn:uuid:`` and the UUID of such a resource.
    """
    if not literal:
        return body
    where = {full_url[_UUID:].encode(): value.encode() for full_url, value in literal.items()}
    first, *parts = body.split(b'"urn:uuid:')
    written = [first]
    for part in parts:
        reference = where.get(part[:36])
        if reference is None:
            written += (b'"urn:uuid:', part)
        else:
            written += (b'"', reference, part[36:])
    return b"".join(written)


def _existed(entry: Entry, answer: Written) -> bool:
    """Whether a conditional create found what it was to create."""
    return entry.conditional and answer.status == 200


def _reference(resource: Body) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _first(failure: Any) -> Any:
    """The failure itself, out of the one that says which of several it was."""
    return failure.value.subFailure if hasattr(failure.value, "subFailure") else failure
