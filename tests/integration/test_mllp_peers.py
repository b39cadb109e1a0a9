"""Senders that were not written by us understand the engine, and Wireshark finds no fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import messages
from tests.acceptance.daemon import Daemon
from tests.acceptance.link import END, VT, Link
from tests.acceptance.site import Site
from tests.services import wireshark
from tests.services.senders import SENDERS, Sender

ADMISSION = (
    "MSH|^~\\&|PEER|TESTCLINIC|ENGINE|CLINIC|20260105101500||ADT^A01^ADT_A01|{id}|P|{version}"
    "||||||{charset}\r"
    "EVN||20260105101500\r"
    "PID|1||4711^^^TESTCLINIC^MR||Testpatientin^Zoë||19800101|F\r"
    "PV1|1|I|WARD^1^A\r"
)
ENHANCED = (
    "MSH|^~\\&|PEER|TESTCLINIC|ENGINE|CLINIC|20260105101500||ADT^A08^ADT_A01|E-1|P|2.5.1"
    "|||AL|NE\r"
    "EVN||20260105101500\r"
    "PID|1||4711^^^TESTCLINIC^MR||Testpatientin^Zoe||19800101|F\r"
    "PV1|1|I|WARD^1^A\r"
)
UNTYPED = "MSH|^~\\&|PEER|TESTCLINIC|ENGINE|CLINIC|20260105101500|||N-1|P|{version}\rPID|1\r"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A running engine with one channel."""
    prepared = Site(tmp_path / "site").write_out()
    with Daemon(prepared) as engine:
        engine.ready()
        yield prepared


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three messages of three kinds, as files."""
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    named = {
        "1-result": messages.result("PEER", 1),
        "2-admission": ADMISSION.format(
            id="P-2", version="2.5.1", charset="UNICODE UTF-8"
        ).encode(),
        "3-old": ADMISSION.format(id="P-3", version="2.3", charset="UNICODE UTF-8").encode(),
    }
    for name, data in named.items():
        (outbox / f"{name}.hl7").write_bytes(data)
    return outbox


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.__name__)
def test_a_foreign_sender_reads_our_answers(sender: Sender, site: Site, folder: Path) -> None:
    answers = sender(site.port, folder)
    assert [answer.code for answer in answers] == ["AA", "AA", "AA"]
    told = [answer.control_id for answer in answers if answer.control_id is not None]
    assert told in ([], ["PEER-1", "P-2", "P-3"])


def test_wireshark_reads_every_kind_of_answer_without_complaint(site: Site, tmp_path: Path) -> None:
    questions = [
        messages.result("WIRE", 1),
        ADMISSION.format(id="W-2", version="2.5.1", charset="UNICODE UTF-8").encode(),
        ENHANCED.encode(),
        UNTYPED.format(version="2.5.1").encode(),
        UNTYPED.format(version="2.3").encode(),
    ]
    packets = wireshark.dissect(exchange(site.port, questions), tmp_path / "exchange.pcap")
    answers = [packet for packet in packets if packet.from_engine]
    assert [packet.complaints for packet in answers] == [()] * len(questions)
    kinds = [[segment[:3] for segment in packet.segments] for packet in answers]
    assert kinds[:3] == [["MSH", "MSA"]] * 3
    assert all(kind[:3] == ["MSH", "MSA", "ERR"] for kind in kinds[3:])


def test_wireshark_does_complain_of_a_broken_answer(tmp_path: Path) -> None:
    exchanged = [(VT + messages.result("WIRE", 1) + END, VT + b"XX" + END)]
    packets = wireshark.dissect(exchanged, tmp_path / "exchange.pcap")
    assert packets[-1].complaints


def exchange(port: int, questions: list[bytes]) -> list[tuple[bytes, bytes]]:
    """What goes over the wire for each question: its frame and the answer's frame."""
    frames: list[tuple[bytes, bytes]] = []
    with Link(port) as link:
        for question in questions:
            link.send(question)
            answer = link.answer()
            assert answer is not None
            frames.append((VT + question + END, VT + answer + END))
    return frames
