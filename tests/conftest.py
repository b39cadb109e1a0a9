"""What holds for every test: none is left out in silence, and in CI none for lack of a service."""

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.services import need

# A busy machine is no defect: what time a thing takes, the benchmarks ask.
settings.register_profile("engine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("engine")

#: The one thing that a run may lack in CI, too.
_CORPUS = "the corpus"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to scatter tests that share a server or a port: xdist names a group in the test's id.

    A pytest whose ids it cannot change lets it spread them over the processes in silence.
    """
    if config.getoption("loadgroup", default=False):
        for item in items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
                raise pytest.UsageError("this pytest-xdist does not keep groups of tests together")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI=true turn a skip into a failure: green must mean that it was really tried."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and need.in_ci():
        reason = _reason(report)
        if not reason.startswith(_CORPUS):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: left out, which CI may not do: {reason}"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let one of several processes tell the first what it did without."""
    told: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["left out"] = dict(need.LEFT_OUT)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what a process did without; one that died tells nothing, and is a failure anyway."""
    need.LEFT_OUT.update(getattr(node, "workeroutput", {}).get("left out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which real services this run did without, and how to get them."""
    missing = dict(need.LEFT_OUT)
    corpus = {what: missing.pop(what) for what in list(missing) if what.startswith(_CORPUS)}
    if missing:
        reports = terminalreporter.stats.get("skipped", [])
        skipped = sum(not _reason(report).startswith(_CORPUS) for report in reports)
        each = "; ".join(f"{what} ({how})" for what, how in sorted(missing.items()))
        _loud(
            terminalreporter,
            f"{skipped} TESTS LEFT OUT, for want of: {each}. All of it at once: .ci/services",
        )
    for what, how in corpus.items():
        _loud(terminalreporter, f"TESTS LEFT OUT, for want of {what}: {how}")


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _loud(terminalreporter: pytest.TerminalReporter, line: str) -> None:
    terminalreporter.write_line(line, yellow=True, bold=True)
