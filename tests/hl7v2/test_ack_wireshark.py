"""Wireshark's HL7 dissector reads our answers without an error mark."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import ErrorCode, Location, MessageError
from engine.hl7v2.ack import AckCode, build_ack
from engine.hl7v2.frame import wrap
from engine.hl7v2.message import Message
from tests.corpus import corpus_files
from tests.services import wireshark

NOW = datetime(2026, 3, 1, 12, 30, 45, tzinfo=UTC)
ERRORS = (
    MessageError("no date", at=Location("PID", 1, 7), code=ErrorCode.DATA_TYPE_ERROR),
    MessageError("50 % | of ~ it & more"),
)
PROMISES = (AckCode.AA, AckCode.CA)
REFUSALS = (AckCode.AE, AckCode.AR, AckCode.CE, AckCode.CR)


def complaints(messages: Iterable[Message], capture: Path) -> list[str]:
    exchange = [
        (
            wrap(message.text.encode(message.charset)),
            wrap(
                build_ack(
                    message,
                    code,
                    now=NOW,
                    control_id=f"A{number}",
                    errors=() if code.positive else ERRORS,
                )
            ),
        )
        for number, message in enumerate(messages)
        for code in (PROMISES[number % 2], REFUSALS[number % 4])
    ]
    answers = [packet for packet in wireshark.dissect(exchange, capture) if packet.from_engine]
    assert len(answers) == len(exchange)
    for answer in answers:
        assert [segment[:3] for segment in answer.segments][:2] == ["MSH", "MSA"]
    return [complaint for answer in answers for complaint in answer.complaints]


def test_answers_in_every_version_and_with_odd_delimiters(tmp_path: Path) -> None:
    versions = ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8.2", "", "x"]
    encodings = ["|^~\\&", "|^~\\&#", "|^~&", "|^", "!%*$@"]
    messages = [
        Message.parse(
            f"MSH{encoding}{encoding[0]}"
            + encoding[0].join(
                ["LAB", "NORTH", "EHR", "CLINIC", "2026", "", "ORU", "7", "P", version]
            )
            + "\r"
        )
        for encoding in encodings
        for version in versions
    ]
    assert complaints(messages, tmp_path / "answers.pcap") == []


def test_answers_to_every_message_of_the_corpus(tmp_path: Path) -> None:
    messages = (Message.read(file.raw) for file in corpus_files())
    assert complaints(messages, tmp_path / "answers.pcap") == []
