"""A small FHIR server in memory, on a port of the test's own reactor, that can misbehave."""

from collections import deque
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs

import orjson
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web import resource, server
from twisted.web.http import Request

from engine.fhir.bundle import redirected

Body = dict[str, Any]
Reply = tuple[int, bytes, dict[str, str]]
#: what is answered instead of doing it; None: never an answer
Fault = Reply | Callable[[Body], Reply] | None

JSON = "application/fhir+json"


def refusal(status: int, **headers: str) -> Reply:
    """A status with an OperationOutcome."""
    issue = {"severity": "error", "code": "processing", "diagnostics": f"said {status}"}
    body = orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


class Conflict(Exception):  # noqa: N818 - the name of the status
    """A condition of a request does not hold."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class MemoryServer(resource.Resource):
    """Conditional creates, updates by id with ifMatch, conditional updates, search by token.

    ``transactions`` and ``searches`` are what arrived; ``faults`` are used up one by one, by
    transactions; ``search_faults`` by searches.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Body] = {}
        self.transactions: list[Body] = []
        self.searches: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.faults: deque[Fault] = deque()
        self.search_faults: deque[Fault] = deque()
        self.metadata: Reply = (200, b'{"resourceType": "CapabilityStatement"}', {})
        #: called between a search and its answer
        self.after_search: Callable[[], None] = lambda: None
        self.arrived: Deferred[None] = Deferred()
        self._number = 0

    def open(self) -> str:
        """Listen; the base URL."""
        self._port = cast(Any, reactor).listenTCP(0, server.Site(self), interface="127.0.0.1")
        self.base = f"http://127.0.0.1:{self._port.getHost().port}/fhir"
        return self.base

    async def close(self) -> None:
        """Stop listening."""
        await self._port.stopListening()

    def of(self, kind: str) -> list[Body]:
        """What is held of a type."""
        return [body for body in self.held.values() if body["resourceType"] == kind]

    def hold(self, body: Body) -> Body:
        """Put a resource there as another system does."""
        self._number += 1
        made = {"id": str(self._number), **body, "meta": {"versionId": "1"}}
        self.held[f"{made['resourceType']}/{made['id']}"] = made
        return made

    # --- requests ----------------------------------------------------------------------------

    def render(self, request: Request) -> Any:
        """Take a request."""
        path = request.uri.decode()
        names = ("authorization", "x-test", "prefer", "cache-control", "content-type")
        self.headers.append({n: request.getHeader(n) for n in names if request.getHeader(n)})
        return self._answer(request, self.reply(path, request.content.read()))

    def reply(self, path: str, content: bytes) -> Reply | None:
        """Do what is asked for; None: never an answer."""
        if path.endswith("/metadata"):
            return self.metadata
        if not content:
            self.searches.append(path.partition("/fhir/")[2])
            return self._do(self.search_faults, self._search, path)
        body = orjson.loads(content)
        self.transactions.append(body)
        arrived, self.arrived = self.arrived, Deferred()
        arrived.callback(None)
        return self._do(self.faults, self._transaction, body)

    def _do(self, faults: deque[Fault], work: Callable[[Any], Reply], given: Any) -> Reply | None:
        if not faults:
            return work(given)
        fault = faults.popleft()
        return fault(given) if callable(fault) else fault

    def _answer(self, request: Request, reply: Reply | None) -> Any:
        if reply is None:
            request.notifyFinish().addErrback(lambda _: None)
            return server.NOT_DONE_YET
        status, body, headers = reply
        request.setResponseCode(status)
        request.setHeader("Content-Type", JSON)
        for name, value in headers.items():
            request.setHeader(name, value)
        return body

    def _search(self, path: str) -> Reply:
        kind, _, query = path.rpartition("/")[2].partition("?")
        found = self._find(kind, query)
        self.after_search()
        entries = [{"resource": body} for body in found]
        body = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
        return 200, orjson.dumps(body), {}

    def _find(self, kind: str, query: str) -> list[Body]:
        wanted = {
            (name, token)
            for name, values in parse_qs(query).items()
            if not name.startswith("_count")
            for token in values[0].split(",")
        }
        return [body for body in self.of(kind) if wanted & set(_tokens(body))]

    def _transaction(self, bundle: Body) -> Reply:
        before = {url: dict(body) for url, body in self.held.items()}
        try:
            answers = [self._write(entry) for entry in bundle["entry"]]
        except Conflict as conflict:
            self.held = before
            return refusal(conflict.status)
        self._resolve(bundle["entry"], answers)
        body = {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}
        return 200, orjson.dumps(body), {}

    def _resolve(self, entries: list[Body], answers: list[Body]) -> None:
        """Let references to what came with a transaction say where that is (R4 3.1.0.11.3)."""
        urls = [answer["response"]["location"].split("/_history")[0] for answer in answers]
        where = {entry["fullUrl"]: url for entry, url in zip(entries, urls, strict=True)}
        for url in urls:
            self.held[url] = redirected(self.held[url], where)

    def _write(self, entry: Body) -> Body:
        request, body = entry["request"], entry["resource"]
        kind, _, query = request["url"].partition("?")
        if request["method"] == "POST":
            found = self._find(kind, request["ifNoneExist"])
            if len(found) > 1:
                raise Conflict(412)
            return _written("200 OK", found[0]) if found else self._put(kind, "", body)
        if query:
            found = self._find(kind, query)
            return self._put(kind, found[0]["id"] if found else "", body)
        kind, _, own = kind.partition("/")
        held = self.held.get(f"{kind}/{own}")
        expected = request.get("ifMatch")
        if expected and (held is None or expected != f'W/"{held["meta"]["versionId"]}"'):
            raise Conflict(412)
        return self._put(kind, own, body)

    def _put(self, kind: str, own: str, body: Body) -> Body:
        self._number += 1
        own = own or str(self._number)
        held = self.held.get(f"{kind}/{own}")
        version = str(int(held["meta"]["versionId"]) + 1) if held else "1"
        meta = {**body.get("meta", {}), "versionId": version}
        made = self.held[f"{kind}/{own}"] = {**body, "id": own, "meta": meta}
        return _written("200 OK" if held else "201 Created", made)


def _tokens(body: Body) -> list[tuple[str, str]]:
    identifiers = [
        ("identifier", f"{item.get('system', '')}|{item['value']}")
        for item in body.get("identifier", ())
    ]
    tags = [("_tag", f"{tag['system']}|{tag['code']}") for tag in body["meta"].get("tag", ())]
    return [("_id", body["id"]), *identifiers, *tags]


def _written(status: str, body: Body) -> Body:
    where = f"{body['resourceType']}/{body['id']}/_history/{body['meta']['versionId']}"
    return {"response": {"status": status, "location": where}}
