"""What the benchmark puts beside the engine makes the rows that the engine makes."""

import time
from itertools import islice
from pathlib import Path

from benchmarks import samples
from benchmarks.bare import Committer
from engine.hl7v2.message import Message
from engine.intake import order_of, patient_of
from engine.store.accept import accept
from engine.store.records import Received
from engine.store.session import Session
from tests.store.messages import received

#: Of a message: all but when, by which port, and under which configuration it came.
_MESSAGE = "id, outcome, control_id, sender, type, version, patient, order_number, answer, raw"
_DELIVERY = "id, message, state, blocked, attempt, due, json_array_length(lanes)"


def _as_received(raw: bytes) -> Received:
    message = Message.read(raw)
    return received(
        0,
        raw=raw,
        control_id=message.control_id,
        sender=message.sender,
        type=f"{message.code}^{message.trigger}",
        version=message.version,
        patient=patient_of(message),
        order=order_of(message),
        lanes=tuple(f"clinic|{value}" for value in message.values("PID-3")),
    )


def test_the_bare_loop_makes_the_rows_that_the_engine_makes(
    session: Session, tmp_path: Path
) -> None:
    raws = [frame[1:-2] for frame in islice(samples.frames(7), 40)]
    accept(session, [_as_received(raw) for raw in raws])
    committer = Committer(tmp_path, None, None)  # type: ignore[arg-type]
    committer.open("beside.db", time.time)
    committer.insert([(None, raw, raw.split(b"|", 10)[9]) for raw in raws])  # type: ignore[misc]
    ours, beside = session.connection.execute, committer.connection.execute
    for query in (
        f"SELECT {_MESSAGE} FROM message",
        f"SELECT {_DELIVERY} FROM delivery",
        "SELECT delivery, count(*) FROM waiting GROUP BY delivery",
        "SELECT due, delivery FROM ready",
        "SELECT book, entry, counted FROM ledger",
    ):
        assert ours(query).fetchall() == beside(query).fetchall(), query
    committer.connection.close()
