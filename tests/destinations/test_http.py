"""HTTP at its edges: connections that break, answers that are too large, requests broken off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from engine.destinations import http
from engine.destinations.http import HttpClient, Unreachable
from engine.fhir.outcome import Down, Reply, Retry

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """A server that talks as the test says: one function per connection, in order."""

    def __init__(self) -> None:
        self.talks: list[Talk] = []
        self.connections = 0
        self.open_connections: list[asyncio.StreamWriter] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/fhir"

    async def stop(self) -> None:
        for writer in self.open_connections:
            writer.close()
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections.append(writer)
        await self.talks.pop(0)(reader, writer)
        writer.close()


def deferred(work: Awaitable[object]) -> Deferred[object]:
    return Deferred.fromFuture(asyncio.ensure_future(work))


@pytest_twisted.async_yield_fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    made.base = await deferred(made.start())  # type: ignore[attr-defined]
    yield made
    await deferred(made.stop())


@pytest_twisted.async_yield_fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(timeout=5.0)
    yield made
    await made.close()


async def request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (n for n in head.lower().split(b"\r\n") if n.startswith(b"content-length:")), b":0"
    )
    return head + await reader.readexactly(int(length.split(b":")[1]))


def answering(*answers: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request(reader)
            writer.write(answer)
            await writer.drain()

    return talk


@pytest_twisted.ensureDeferred
async def test_one_connection_serves_many_requests(peer: Peer, client: HttpClient) -> None:
    peer.talks = [answering(OK, OK, OK)]
    for _ in range(3):
        assert await client.request("POST", peer.base, b"{}") == Reply(200, b"ok")
    assert peer.connections == 1


@pytest_twisted.ensureDeferred
async def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(
    peer: Peer, client: HttpClient
) -> None:
    async def closes_on_the_second(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await request(reader)
        writer.write(OK)
        await request(reader)

    peer.talks = [closes_on_the_second, answering(OK)]
    for _ in range(2):
        assert await client.request("POST", peer.base, b"{}") == Reply(200, b"ok")
    assert peer.connections == 2


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)


async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


async def stop_half_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(OK[:-1])
    await writer.drain()


@pytest.mark.parametrize("talk", [hang_up, garble, stop_half_way])
@pytest_twisted.ensureDeferred
async def test_what_breaks_is_tried_again(peer: Peer, client: HttpClient, talk: Talk) -> None:
    peer.talks = [talk, talk]
    with pytest.raises(Unreachable) as caught:
        await client.request("POST", peer.base, b"{}")
    assert isinstance(caught.value.verdict, Retry)
    assert "the connection broke" in caught.value.verdict.reason


@pytest_twisted.ensureDeferred
async def test_an_answer_beyond_all_measure_is_not_read_to_its_end(
    peer: Peer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 100_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"
    peer.talks = [answering(head + b"x" * 400_000)]
    with pytest.raises(Unreachable) as caught:
        await client.request("GET", peer.base)
    assert isinstance(caught.value.verdict, Down)


@pytest_twisted.ensureDeferred
async def test_no_server_speaks_tls_where_plain_http_is(peer: Peer, client: HttpClient) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    peer.talks = [refuse]
    with pytest.raises(Unreachable) as caught:
        await client.request("GET", peer.base.replace("http:", "https:"))
    assert isinstance(caught.value.verdict, Down)


@pytest_twisted.ensureDeferred
async def test_a_request_that_is_broken_off_ends(peer: Peer, client: HttpClient) -> None:
    arrived: Deferred[None] = Deferred()
    gone: Deferred[bytes] = Deferred()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        arrived.callback(None)
        gone.callback(await reader.read())

    peer.talks = [wait]
    under_way = client.request("POST", peer.base, b"{}")
    await arrived
    under_way.cancel()
    with pytest.raises(CancelledError):
        await under_way
    assert await gone == b""


@pytest_twisted.ensureDeferred
async def test_a_client_that_was_never_used_closes_too(client: HttpClient) -> None:
    await client.close()


@pytest_twisted.ensureDeferred
async def test_what_is_asked_of_a_closed_client_opens_nothing(
    peer: Peer, client: HttpClient
) -> None:
    await client.close()
    with pytest.raises(Unreachable) as caught:
        await client.request("GET", peer.base)
    assert caught.value.verdict == Retry("the connections are closed")
    assert peer.connections == 0


def test_no_reason_names_a_patient() -> None:
    from aiohttp import InvalidURL, ServerTimeoutError

    url = "http://server.example/fhir/Patient?identifier=s%7C4711"
    for cause in (InvalidURL(url), ServerTimeoutError(url), OSError(url), OSError(None, url)):
        assert "4711" not in http._reason(cause)
