"""Every message of the corpus gets, on the real port, exactly the answers that it asks for."""

from dataclasses import dataclass

from tests.acceptance import messages
from tests.acceptance.conftest import Start
from tests.acceptance.daemon import ledger
from tests.acceptance.link import Link, msa
from tests.acceptance.site import Site
from tests.corpus import corpus_files

POSITIVE, NEGATIVE = ("CA", "AA"), ({"CE", "CR"}, {"AE", "AR"})
# HL7 table 0155, for a positive and for a negative outcome.
WANTED = {"AL": (True, True), "SU": (True, False), "ER": (False, True), "NE": (False, False)}


@dataclass(frozen=True)
class Asked:
    """What the first MSH of a message says about its answers; read without the engine."""

    type: str
    control_id: str
    accept: str
    application: str

    @classmethod
    def by(cls, raw: bytes) -> "Asked | None":
        text = raw.decode("latin-1").lstrip("\ufeff\xef\xbb\xbf\r\n ")
        if not text.startswith("MSH"):
            return None
        fields = text.splitlines()[0].split(text[3])
        fields += [""] * 20
        type_, _, _ = fields[8].partition(text[4])
        return cls(type_, fields[9].strip(), fields[14].strip(), fields[15].strip())

    def positive(self) -> list[str]:
        """The codes of the answers when the message is taken."""
        if self.type in ("ACK", "MCF"):
            return []
        if not (self.accept or self.application):
            return ["AA"]
        wishes = zip((self.accept, self.application), POSITIVE, strict=True)
        return [code for wish, code in wishes if WANTED.get(wish or "NE", (True, True))[0]]

    def fits(self, codes: list[str]) -> bool:
        """Whether these are the answers to take or to refuse it with."""
        return codes == self.positive() or self._refused(codes)

    def _refused(self, codes: list[str]) -> bool:
        if not (self.accept or self.application):
            return len(codes) == 1 and codes[0] in NEGATIVE[1]
        wishes = (self.accept or "NE", self.application or "NE")
        wanted = [WANTED.get(wish, (True, True))[1] for wish in wishes]
        if not any(wanted):
            return codes == []
        return len(codes) == 1 and codes[0] in NEGATIVE[wanted.index(True)]


def refusable(raw: bytes, asked: Asked) -> bool:
    """Whether a lenient channel may refuse: no message type, or several messages in one frame."""
    headers = [line for line in raw.replace(b"\n", b"\r").split(b"\r") if line.startswith(b"MSH")]
    return not asked.type or len(headers) > 1


def answers_to(link: Link, message: bytes, number: int) -> list[bytes]:
    """All answers to a message: whatever comes before the answer to a message sent after it."""
    link.send(message, messages.result("SENTINEL", number))
    answers: list[bytes] = []
    while True:
        answer = link.answer()
        assert answer is not None, "the engine hung up"
        if msa(answer, 2) == messages.control_id("SENTINEL", number):
            return answers
        answers.append(answer)


def test_each_message_gets_its_answers_and_the_books_balance(site: Site, start: Start) -> None:
    files = corpus_files()
    engine = start(site).ready()
    wrong: list[str] = []
    with Link(site.port) as link:
        for number, file in enumerate(files):
            raw = file.raw
            answers = answers_to(link, raw, number)
            codes = [msa(answer, 1) for answer in answers]
            asked = Asked.by(raw)
            if asked is None:
                continue
            if not asked.fits(codes):
                wrong.append(f"{file.name}: {asked} got {codes}")
            if any(code[1] in "ER" for code in codes) and not refusable(raw, asked):
                wrong.append(f"{file.name}: refused with {codes}")
            wrong += [
                f"{file.name}: MSA-2 is not {asked.control_id}"
                for answer in answers
                if msa(answer, 2) != asked.control_id
            ]
    assert wrong == []
    engine.until_delivered(timeout=120)
    assert engine.stop() == 0
    assert ledger(site)
