"""``send`` against a real MLLP receiver that answers as it is told."""

import asyncio
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from engine.cli.main import main
from engine.hl7v2.ack import AckCode, build_ack
from engine.hl7v2.frame import Decoder, Frame, wrap
from engine.hl7v2.message import Message
from engine.workbench.mllp_client import Connection, Outcome, on_the_wire

T = TypeVar("T")
NOW = datetime(2026, 3, 4, tzinfo=UTC)


def message(number: int = 1, accept: str = "", application: str = "", kind: str = "ADT^A01") -> str:
    msh = f"MSH|^~\\&|A|B|C|D|20260304||{kind}|M{number}|P|2.5.1|||{accept}|{application}"
    return f"{msh}\rPID|1||{number}\r"


Answering = Callable[[Message], list[bytes]]


def with_codes(*codes: AckCode) -> Answering:
    """An answer of each code to every message."""
    return lambda request: [build_ack(request, code, now=NOW, control_id="X") for code in codes]


@dataclass
class Receiver:
    """What a receiver got, over which connections."""

    port: int = 0
    payloads: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def receiver(answering: Answering) -> Iterator[Receiver]:
    seen = Receiver()

    class Session(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            seen.connections += 1
            decoder = Decoder()
            while data := self.request.recv(65536):
                for event in decoder.feed(data):
                    assert isinstance(event, Frame)
                    seen.payloads.append(event.payload)
                    for answer in answering(Message.read(event.payload)):
                        self.request.sendall(wrap(answer))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        seen.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()


def elsewhere(call: Callable[[], T]) -> T:
    """Run in another thread: in this one, a reactor has its event loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def send(port: int, *arguments: object, given: str = "") -> Result:
    command = ["send", "--to", f"127.0.0.1:{port}", *map(str, arguments)]
    return elsewhere(lambda: CliRunner().invoke(main, command, input=given.encode()))


def summary(port: int, *arguments: object, given: str = "") -> tuple[int, dict[str, object]]:
    result = send(port, "--json", *arguments, given=given)
    return result.exit_code, json.loads(result.stdout)


def test_positive_answers_end_with_status_zero() -> None:
    with receiver(with_codes(AckCode.AA)) as peer:
        status, told = summary(peer.port, given=message(1) + message(2))
    assert status == 0
    assert told["answers"] == {"AA": 2}
    assert peer.connections == 1


@pytest.mark.parametrize("code", [AckCode.AE, AckCode.AR])
def test_a_negative_answer_ends_with_status_one_and_in_the_receivers_words(code: AckCode) -> None:
    with receiver(with_codes(code)) as peer:
        result = send(peer.port, given=message())
    assert result.exit_code == 1
    assert f"{code}  stdin" in result.stdout


def test_a_missing_answer_ends_with_status_one() -> None:
    with receiver(with_codes()) as peer:
        status, told = summary(peer.port, "--timeout", 0.2, given=message())
    assert status == 1
    assert told["outcomes"] == expected(missing=1)


def expected(**counts: int) -> dict[str, int]:
    return {outcome.value: counts.get(outcome.value, 0) for outcome in Outcome}


@pytest.mark.parametrize(
    ("accept", "application", "codes", "outcome"),
    [
        ("AL", "NE", [AckCode.CA], "positive"),
        ("NE", "NE", [], "silent"),
        ("AL", "AL", [AckCode.CA, AckCode.AA], "positive"),
        ("AL", "AL", [AckCode.CR], "negative"),  # then no application answer is due
        ("AL", "AL", [AckCode.CA, AckCode.AE], "negative"),
        ("ER", "NE", [], "silent"),
        ("SU", "NE", [AckCode.CA], "positive"),
        ("ER", "NE", [AckCode.CE], "negative"),
    ],
)
def test_the_answers_that_a_message_asks_for_are_waited_for(
    accept: str, application: str, codes: list[AckCode], outcome: str
) -> None:
    with receiver(with_codes(*codes)) as peer:
        given = message(1, accept, application)
        status, told = summary(peer.port, "--timeout", 2, given=given)
    assert told["outcomes"] == expected(**{outcome: 1})
    assert status == (1 if outcome == "negative" else 0)


def test_an_acknowledgement_is_sent_and_not_waited_for() -> None:
    with receiver(with_codes()) as peer:
        status, told = summary(peer.port, given=message(kind="ACK"))
    assert (status, told["outcomes"]) == (0, expected(silent=1))


def test_an_answer_to_something_else_is_no_answer() -> None:
    other = Message.parse(message(99))

    def answering(_: Message) -> list[bytes]:
        return [build_ack(other, AckCode.AA, now=NOW, control_id="X")]

    with receiver(answering) as peer:
        status, told = summary(peer.port, "--timeout", 0.2, given=message(1))
    assert status == 1
    assert (told["unexpected_answers"], told["answers"]) == (1, {})


def test_a_batch_is_sent_message_by_message_or_whole(tmp_path: Path) -> None:
    batch = "FHS|^~\\&\rBHS|^~\\&\r" + message(1) + message(2) + "BTS|2\rFTS|1\r"
    (tmp_path / "day.hl7").write_text(batch)
    with receiver(with_codes(AckCode.AA)) as peer:
        send(peer.port, tmp_path / "day.hl7")
    assert [payload[:3] for payload in peer.payloads] == [b"MSH", b"MSH"]
    (tmp_path / "day.hl7").write_text(message(1) + message(2))
    with receiver(with_codes(AckCode.AA)) as peer:
        send(peer.port, "--whole", tmp_path / "day.hl7")
    assert len(peer.payloads) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_segments_end_with_cr_on_the_wire_unless_told_otherwise(end: str) -> None:
    text = message().replace("\r", end)
    with receiver(with_codes(AckCode.AA)) as peer:
        send(peer.port, given=text)
        send(peer.port, "--as-is", given=text)
    assert peer.payloads == [message().encode(), text.encode()]


def test_wide_characters_are_left_as_they_are() -> None:
    raw = message().encode("utf-16")
    assert on_the_wire(raw) == raw


def test_several_connections_share_the_work(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.hl7").write_text(message(number))
    with receiver(with_codes(AckCode.AA)) as peer:
        status, told = summary(peer.port, "--connections", 5, tmp_path, "--repeat", 2)
    assert status == 0
    assert told["answers"] == {"AA": 60}
    assert peer.connections == 5


def test_one_connection_keeps_the_order_of_the_names(tmp_path: Path) -> None:
    for number in range(9, 0, -1):
        (tmp_path / f"{number}.hl7").write_text(message(number))
    with receiver(with_codes(AckCode.AA)) as peer:
        send(peer.port, tmp_path)
    assert peer.payloads == [message(number).encode() for number in range(1, 10)]


def test_a_rate_is_kept() -> None:
    with receiver(with_codes(AckCode.AA)) as peer:
        _, told = summary(peer.port, "--rate", 50, "--repeat", 6, given=message())
    assert isinstance(told["seconds"], float)
    assert told["seconds"] >= 5 / 50


def test_each_message_is_told_when_asked_for() -> None:
    with receiver(with_codes(AckCode.AA)) as peer:
        result = send(peer.port, "--verbose", given=message())
    assert "AA  stdin" in result.stderr


def test_nobody_listening_is_said_in_a_sentence() -> None:
    with receiver(with_codes()) as peer:
        pass
    result = send(peer.port, given=message())
    assert result.exit_code == 1
    assert f"127.0.0.1:{peer.port}: " in result.stderr


def test_a_connection_that_breaks_is_opened_again_for_the_next_message() -> None:
    async def scenario() -> list[Outcome]:
        lost = True

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal lost
            data = await reader.readuntil(b"\x1c\r")
            if not lost:
                request = Message.read(data[1:-2])
                answer = build_ack(request, AckCode.AA, now=NOW, control_id="X")
                writer.write(wrap(answer))
                await writer.drain()
                await reader.read()
            lost = False
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            connection = Connection("127.0.0.1", port, timeout=5)
            sent = [await connection.send(str(n), message(n).encode()) for n in (1, 2)]
            await connection.finish(1)
        return [each.outcome for each in sent]

    assert elsewhere(lambda: asyncio.run(scenario())) == [Outcome.MISSING, Outcome.POSITIVE]


@pytest.mark.parametrize("address", ["host", "host:0", "host:70000", ":"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    result = CliRunner().invoke(main, ["send", "--to", address], input=message())
    assert result.exit_code == 2
    assert "write it like 127.0.0.1:2575" in result.stderr


def test_what_is_no_message_is_named_and_not_sent(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_bytes(b"\x8f\x00\xfe not HL7")
    (tmp_path / "b.hl7").write_text(message())
    (tmp_path / "c.hl7").write_bytes(b"")
    with receiver(with_codes(AckCode.AA)) as peer:
        status, told = summary(peer.port, tmp_path)
        result = send(peer.port, tmp_path)
    assert status == result.exit_code == 1
    assert told["outcomes"] == expected(positive=1, unsent=2)
    assert [payload[:3] for payload in peer.payloads] == [b"MSH", b"MSH"]
    for name in ("a.hl7", "c.hl7"):
        assert f"{name}  0.0 ms  not sent: no MSH begins here" in result.stdout


def test_bytes_that_are_no_message_are_sent_on_purpose(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_bytes(b"\x8f\xfe not HL7")
    with receiver(with_codes()) as peer:
        assert send(peer.port, "--as-is", "--timeout", 0.2, tmp_path).exit_code == 0
    assert peer.payloads == [b"\x8f\xfe not HL7"]


def test_a_folder_without_messages_is_told(tmp_path: Path) -> None:
    result = send(1, tmp_path)
    assert result.exit_code == 2
    assert f"there is no message in {tmp_path}" in result.stderr


def test_a_refused_connection_is_told_as_json_too() -> None:
    with receiver(with_codes()) as peer:
        pass
    result = send(peer.port, "--json", given=message())
    assert result.exit_code == 1
    assert json.loads(result.stdout)["outcomes"] == expected(unsent=1)
    assert f"127.0.0.1:{peer.port}: nobody listens there; is the engine running" in result.stderr


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_an_answer_is_waited_for_some_time(seconds: str) -> None:
    assert send(1, "--timeout", seconds, given=message()).exit_code == 2
