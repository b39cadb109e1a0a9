"""A FHIR server that misbehaves on request; else it accepts every transaction."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

JSON = "application/fhir+json"


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Callable[[dict[str, Any]], Reply]


def accept(bundle: dict[str, Any]) -> Reply:
    """Say that every entry of a transaction was created."""
    entries = [
        {"response": {"status": "201 Created", "location": f"{_type(entry)}/{index}/_history/1"}}
        for index, entry in enumerate(bundle["entry"])
    ]
    return Reply(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


def _type(entry: dict[str, Any]) -> str:
    return str(entry.get("resource", {}).get("resourceType", "Basic"))


def refuse(status: int, **headers: str) -> Behaviour:
    """Answer every transaction with one status and an OperationOutcome."""
    issue = {"severity": "error", "code": "processing", "diagnostics": f"answered {status}"}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _bundle: Reply(status, body, named)


class FakeServer:
    """Listens on a port of its own; ``accepted`` are the Bundles it said yes to, in order."""

    def __init__(self, behaviour: Behaviour = accept, *, port: int = 0) -> None:
        self.behaviour = behaviour
        self.accepted: list[dict[str, Any]] = []
        self.refused = 0
        self._arrived = threading.Condition()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _requests_of(self))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/fhir"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def take(self, bundle: dict[str, Any]) -> Reply:
        """Behave, and remember."""
        reply = self.behaviour(bundle)
        with self._arrived:
            if reply.status < 300:
                self.accepted.append(bundle)
            else:
                self.refused += 1
            self._arrived.notify_all()
        return reply

    def wait(self, condition: Callable[["FakeServer"], bool], *, timeout: float = 30.0) -> None:
        """Wait until what has arrived fulfils a condition."""
        with self._arrived:
            met = self._arrived.wait_for(lambda: condition(self), timeout)
        assert met, f"{len(self.accepted)} accepted, {self.refused} refused"

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _requests_of(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.endswith("/metadata"):
                statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
                self._reply(Reply(200, statement))
            else:  # every search finds nothing
                self._reply(Reply(200, {"resourceType": "Bundle", "type": "searchset"}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(server.take(json.loads(body)))

        def _reply(self, reply: Reply) -> None:
            body = json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                self.send_header("Content-Type", JSON)
                self.send_header("Content-Length", str(len(body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True  # the client lost its patience: that is the test

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
            """Keep standard error for what matters."""

    return Requests
