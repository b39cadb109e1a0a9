"""A FHIR server that believes everything: the cheapest answer that is still a FHIR answer.

``python -m benchmarks.null_server`` prints its port; ``GET /count`` tells how
many transactions and entries it has taken.
"""

import asyncio
import sys
from typing import cast

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n"
NOTHING_FOUND = b'{"resourceType":"Bundle","type":"searchset","total":0}'
STATEMENT = b'{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","status":"active"}'
ENTRY = b'{"response":{"status":"201 Created"}}'
DONE = b'{"resourceType":"Bundle","type":"transaction-response","entry":[%s]}'


class Counts:
    """What has arrived so far."""

    transactions = 0
    entries = 0


class NullServer(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and Content-Length, which is all that the sender uses."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in the buffer."""
        self._buffer += data
        while (request := self._next()) is not None:
            body = self._answer(*request)
            self._transport.write(HEAD % len(body) + body)

    def _next(self) -> tuple[bytes, bytes] | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._buffer[:end])
        at = head.lower().find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + size:
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + size])
        del self._buffer[: end + 4 + size]
        return head, body

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"POST"):
            return self._transaction(body.count(b'"fullUrl"'))
        if head.startswith(b"GET /count"):
            return b"%d %d" % (self._counts.transactions, self._counts.entries)
        return STATEMENT if b"/metadata" in head.split(b"\r\n", 1)[0] else NOTHING_FOUND

    def _transaction(self, entries: int) -> bytes:
        self._counts.transactions += 1
        self._counts.entries += entries
        return DONE % b",".join([ENTRY] * entries)


async def main() -> None:
    """Listen until killed."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: NullServer(counts), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
