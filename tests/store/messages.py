"""Synthetic messages as intake hands them to the store."""

from typing import Any

from engine.lifecycle import Outcome
from engine.store.records import Received

NOW = 1_767_600_000.0


def received(number: int, **changes: Any) -> Received:
    """Message ``number`` of a laboratory, about patient T1 unless told otherwise."""
    patient = changes.pop("patient", "T1")
    values: dict[str, Any] = {
        "channel": "lab",
        "port": "2575",
        "peer": "127.0.0.1:40000",
        "raw": b"MSH|^~\\&|LAB|TEST|||20260105||ORU^R01|%d|P|2.5.1\rPID|1||T1\r" % number,
        "received_at": NOW + number,
        "outcome": Outcome.ACCEPTED,
        "control_id": str(number),
        "sender": "LAB|TEST",
        "type": "ORU^R01",
        "version": "2.5.1",
        "patient": patient,
        "order": f"F{number}",
        "answer": "AA",
        "lanes": (f"clinic|urn:oid:2.999.1|{patient}",),
        "destinations": ("clinic",),
        "configuration": "c0ffee",
    }
    return Received(**(values | changes))
