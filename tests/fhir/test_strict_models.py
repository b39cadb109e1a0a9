"""fhirclient's models, which know types and required elements, accept what the library makes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePath

import orjson
import pytest
from fhirclient.models.bundle import Bundle
from fhirclient.models.fhirabstractbase import FHIRValidationError

from engine.errors import MessageError
from engine.fhir.bundle import dump, transaction
from engine.hl7v2.batch import split
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context
from engine.workbench.inputs import Input
from tests.corpus import corpus_files
from tests.validate import spread

MAPPING = load_library().mapping()
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "corpus")
COUNT = 200

#: FHIR lets a required primitive be an extension alone, which says why there is no value; the
#: models do not know that. It is left to an answer to no message, and a vaccination at no time.
UNKNOWN = re.compile(
    '"(identifier|occurrence)" on <fhirclient.models.\\w+.(MessageHeaderResponse|Immunization) '
)


def complaints(raw: bytes) -> list[str]:
    """What the strict models say of the Bundles that the messages of a file become."""
    found = []
    for text in split(raw).messages:
        try:
            mapped = MAPPING.convert(Message.read(text), CONTEXT)
        except MessageError:
            continue
        try:
            Bundle(orjson.loads(dump(transaction(mapped.resources))))
        except FHIRValidationError as refused:
            found.append(str(refused))
    return [said for said in found if not UNKNOWN.search(said)]


def test_the_strict_models_accept_messages_of_the_corpus() -> None:
    files = [Input(file.path, PurePath(file.name)) for file in corpus_files()]
    found = {str(file.name): complaints(file.read()) for file in spread(files, COUNT)}
    assert {name: said for name, said in found.items() if said} == {}


def test_the_strict_models_do_refuse() -> None:
    with pytest.raises(FHIRValidationError):
        Bundle({"type": 7})
