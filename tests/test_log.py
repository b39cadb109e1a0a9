import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog
from twisted.logger import Logger, globalLogBeginner, globalLogPublisher
from twisted.python.failure import Failure

from engine import log
from engine.lifecycle import Outcome
from engine.privacy import FORBIDDEN, LONGEST, REMOVED

SECRET = "Testpatient, Anna"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def line(**keys: Any) -> dict[str, Any]:
    out = io.StringIO()
    log.configure("json", stream=out)
    log.get().info("x.happened", **keys)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_a_line_says_when_how_serious_what_and_with_whom() -> None:
    told = line(channel="north-lab", attempt=3)
    assert list(told) == ["timestamp", "level", "event", "channel", "attempt"]
    assert (told["level"], told["event"]) == ("info", "x.happened")
    assert told["timestamp"].endswith("Z")


def test_context_stands_in_every_line() -> None:
    out = io.StringIO()
    log.configure("json", stream=out)
    logger = log.get(destination="clinic")
    logger.info("a.b")
    logger.info("c.d", state="delivered")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first["destination"] == second["destination"] == "clinic"


def test_less_than_the_level_is_not_written() -> None:
    out = io.StringIO()
    log.configure("json", "warning", out)
    logger = log.get()
    logger.info("a.b")
    logger.warning("c.d")
    assert [json.loads(text)["event"] for text in out.getvalue().splitlines()] == ["c.d"]


def test_a_logger_follows_when_the_configuration_changes() -> None:
    first, second = io.StringIO(), io.StringIO()
    log.configure("json", "error", first)
    logger = log.get(channel="north-lab")
    log.configure("json", "debug", second)
    logger.debug("a.b")
    assert first.getvalue() == ""
    assert json.loads(second.getvalue())["event"] == "a.b"


def test_people_get_plain_lines_without_colour_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    log.configure("console", stream=out)
    log.get().info("delivery.settled", state="dead", raw=SECRET)
    assert "delivery.settled" in out.getvalue()
    assert "state=dead" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert SECRET not in out.getvalue()


# --- what is said of every message ------------------------------------------------------------


def frequent(logger: Any = None, **context: object) -> log.Frequent:
    return log.Frequent(logger or log.get(), "message.stored", context, ("bytes", "message"))


def test_a_frequent_line_is_the_line_that_structlog_would_write() -> None:
    out = io.StringIO()
    log.configure("json", stream=out)
    logger = log.get(destination="clinic")
    context = {"channel": "100 % \u00fcber", "answer": Outcome.ACCEPTED, "attempt": 2}
    frequent(logger, **context)(17, 4)
    logger.info("message.stored", **context, bytes=17, message=4)
    first, second = map(json.loads, out.getvalue().splitlines())
    then, now = (datetime.fromisoformat(told.pop("timestamp")) for told in (first, second))
    assert first == second
    assert 0 <= (now - then).total_seconds() < 60
    assert first["bytes"] == 17


def test_a_frequent_line_has_its_own_time_each_time() -> None:
    out = io.StringIO()
    log.configure("json", stream=out)
    line = frequent(channel="north")
    for number in range(50):
        line(1, number)
    stamps = [json.loads(text)["timestamp"] for text in out.getvalue().splitlines()]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) > 1
    assert {len(stamp) for stamp in stamps} == {len("2026-01-01T00:00:00.000000Z")}


def test_a_frequent_line_follows_when_the_configuration_changes() -> None:
    out = io.StringIO()
    log.configure("json", "warning", out)
    line = frequent(channel="north")
    line(1, 2)
    assert out.getvalue() == ""
    log.configure("console", "info", out)
    line(1, 2)
    assert "channel=north" in out.getvalue()
    assert "message=2" in out.getvalue()
    log.configure("json", "debug", out)
    line(1, 3)
    assert json.loads(out.getvalue().splitlines()[-1])["message"] == 3


@pytest.mark.parametrize("context", [{"patient": SECRET}, {"reason": f"MSH|^~\\&|{SECRET}"}])
def test_a_frequent_line_is_cleaned_too(context: dict[str, object]) -> None:
    out = io.StringIO()
    log.configure("json", stream=out)
    frequent(**context)(1, 2)
    assert SECRET not in out.getvalue()
    assert REMOVED in out.getvalue()


def test_a_logger_of_another_kind_gets_its_frequent_lines() -> None:
    told: list[tuple[str, dict[str, object]]] = []

    class Other:
        def info(self, event: str, **values: object) -> None:
            told.append((event, values))

    frequent(Other(), channel="north")(1, 2)
    assert told == [("message.stored", {"channel": "north", "bytes": 1, "message": 2})]


# --- no patient in a log --------------------------------------------------------------------------


@pytest.mark.parametrize("key", [*sorted(FORBIDDEN), "RAW", "Patient"])
@pytest.mark.parametrize("format_", ["json", "console"])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_forbidden_keys_lose_their_values_at_every_level(
    key: str, format_: str, level: str
) -> None:
    out = io.StringIO()
    log.configure(format_, "debug", out)
    getattr(log.get(), level)("x.happened", **{key: SECRET})
    assert SECRET not in out.getvalue()
    assert REMOVED in out.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        {"patient": SECRET},
        {"a": {"b": [{"name": SECRET}]}},
        [SECRET.encode()],
        (bytearray(SECRET.encode()), memoryview(SECRET.encode())),
        {"MSH|^~\\&|A|" + SECRET},
        f"cannot read MSH|^~\\&|{SECRET}",
        f'{{"resourceType": "Patient", "x": "{SECRET}"}}',
        f"PID|1||{SECRET}\rPV1|1",
        f"\x0b{SECRET}",
    ],
)
def test_a_value_is_cleaned_at_every_depth_and_under_any_key(value: Any) -> None:
    assert SECRET not in json.dumps(line(reason=value))


def test_an_object_says_no_more_than_its_type() -> None:
    class Message:
        def __repr__(self) -> str:
            return SECRET

    assert line(of=Message())["of"] == "Message"


def test_a_long_text_is_cut() -> None:
    assert len(line(reason="x" * 5000)["reason"]) < LONGEST + 10


def test_bound_context_is_cleaned_too() -> None:
    out = io.StringIO()
    log.configure("json", stream=out)
    log.get(patient=SECRET).info("a.b")
    assert SECRET not in out.getvalue()


@pytest.mark.parametrize("as_failure", [False, True])
def test_of_an_exception_only_its_type_and_place_are_told(as_failure: bool) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        told = line(exc_info=Failure() if as_failure else error)
    assert SECRET not in json.dumps(told)
    assert told["fault"] == "ValueError"
    assert "test_log.py:" in told["where"]


def test_the_exception_in_hand_is_found() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError:
        assert line(exc_info=True)["fault"] == "KeyError"


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    told = line(exc_info=ValueError(SECRET))
    assert told["fault"] == "ValueError"
    assert "where" not in told


def test_without_an_exception_nothing_is_added() -> None:
    assert "fault" not in line(exc_info=None)


# --- libraries ------------------------------------------------------------------------------------


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    out = io.StringIO()
    log.configure("json", stream=out)
    root = logging.getLogger()
    handlers = list(root.handlers)
    observers: list[Any] = []

    def begin(found: list[Any], **_: Any) -> None:
        observers.extend(found)
        for observer in found:
            globalLogPublisher.addObserver(observer)

    monkeypatch.setattr(globalLogBeginner, "beginLoggingTo", begin)
    log.capture()
    yield out
    root.handlers[:] = handlers
    for observer in observers:
        globalLogPublisher.removeObserver(observer)


def said(captured: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(text) for text in captured.getvalue().splitlines()]


def test_a_library_says_its_template_and_not_its_values(captured: io.StringIO) -> None:
    logging.getLogger("aiohttp.client").warning("odd answer: %s", SECRET)
    logging.getLogger("aiohttp.client").info("nothing")
    (told,) = said(captured)
    assert (told["level"], told["library"]) == ("warning", "aiohttp.client")
    assert told["said"] == "odd answer: %s"


def test_of_a_finished_text_of_a_library_only_its_place_is_told(captured: io.StringIO) -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.set_exception(ValueError(SECRET))
    loop.call_exception_handler(
        {"message": "an exception of", "exception": future.exception(), "future": future}
    )
    loop.close()
    (told,) = said(captured)
    assert (told["library"], told["fault"]) == ("asyncio", "ValueError")
    assert told["said"].startswith("base_events.py:")
    assert SECRET not in captured.getvalue()


def test_an_exception_in_a_library_is_told_without_its_text(captured: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    (told,) = said(captured)
    assert (told["level"], told["fault"]) == ("error", "ValueError")
    assert SECRET not in captured.getvalue()


def test_twisted_says_its_template_and_not_its_values(captured: io.StringIO) -> None:
    twisted = Logger("twisted.internet.x")
    twisted.warn("odd {what}", what=SECRET)
    twisted.info("nothing")
    twisted.critical("broken {what}", what=SECRET)
    first, second = said(captured)
    assert (first["level"], first["said"]) == ("warning", "odd {what}")
    assert (second["level"], second["library"]) == ("error", "twisted.internet.x")


def test_a_failure_in_twisted_is_told_without_its_text(captured: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        Logger("x").failure("Unhandled error in Deferred")
    (told,) = said(captured)
    assert (told["fault"], told["level"]) == ("ValueError", "error")
    assert SECRET not in captured.getvalue()
