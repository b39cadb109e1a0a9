"""Every message of the corpus through the port: exactly its answers, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest_twisted

from engine.hl7v2.message import Message
from engine.lifecycle import Outcome
from tests.corpus import corpus_files
from tests.sources.rig import Rig, adt

OpenPort = Callable[..., Rig]

#: What an accepted message is answered with, by MSH-15 and MSH-16 (HL7 table 0155).
ACCEPT = {"AL": ["CA"], "SU": ["CA"]}
APPLICATION = {"AL": ["AA"], "SU": ["AA"]}
#: What a refused one is answered with: the accept answer, else the application answer.
REFUSAL = {"AL", "ER"}


def header_of(raw: bytes) -> list[str] | None:
    """MSH-n at n, read in the plainest way: not by the code under test."""
    text = raw.decode("latin-1").lstrip("\ufeff\r\n \xef\xbb\xbf")
    if not text.startswith("MSH") or len(text) < 8 or not text[3].strip():
        return None
    fields = re.split(r"[\r\n]", text)[0].split(text[3])
    return [fields[0], text[3], *fields[1:], *[""] * 20]


def wanted(raw: bytes, outcome: str) -> list[str]:
    """The codes that a message's own header asks for, given what became of it."""
    header = header_of(raw)
    if header is None or outcome == Outcome.ACKNOWLEDGEMENT:
        return []
    accept, application = (
        # a word that table 0155 does not have is taken for always: silence would stall a sender
        word if word in ("", "AL", "NE", "ER", "SU") else "AL"
        for word in (header[15].strip(), header[16].strip())
    )
    accepted = outcome in (Outcome.ACCEPTED, Outcome.DUPLICATE)
    if not accept and not application:
        return ["AA"] if accepted else ["AR"]
    if accepted:
        return ACCEPT.get(accept, []) + APPLICATION.get(application, [])
    return ["CR"] if accept in REFUSAL else ["AR"] if application in REFUSAL else []


@pytest_twisted.ensureDeferred
async def test_each_corpus_message_gets_the_answers_it_calls_for_and_the_ledger_balances(
    open_port: OpenPort,
) -> None:
    files = corpus_files()
    rig = open_port()
    sender = await rig.sender()
    answers: list[list[Message]] = []
    for number, file in enumerate(files):
        before = len(sender.answers)
        sender.send(file.raw, adt(f"END-{number}"))
        await sender.answered(before + 1)
        while sender.answers[-1].value("MSA-2") != f"END-{number}":
            await sender.answered(len(sender.answers) + 1)
        answers.append(sender.answers[before:-1])
    outcomes = [row[0] for row in rig.rows("outcome")]
    wrong = []
    for file, outcome, given in zip(files, outcomes[::2], answers, strict=True):
        codes = [answer.value("MSA-1") for answer in given]
        if codes != wanted(file.raw, outcome):
            wrong.append((file.name, outcome, codes, wanted(file.raw, outcome)))
        check_echo(file.raw, given)
    assert wrong == []
    assert not sender.ended
    ledger = await rig.ledger()
    assert ledger.balanced
    assert len(outcomes) == 2 * len(files)
    assert outcomes.count("quarantined") < 0.02 * len(files)


def check_echo(raw: bytes, answers: list[Message]) -> None:
    for answer in answers:
        header = header_of(raw)
        assert header is not None
        assert answer.delimiters.field == header[1]
        assert answer.text_of("MSA-2") == header[10]
        assert answer.text_of("MSH-5") == header[3]
        assert answer.text_of("MSH-3") == header[5]
        assert answer.text_of("MSH-12") == header[12] or not header[12]
