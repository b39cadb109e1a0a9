"""What every test run says at its end: which real services it did without."""

import pytest

from tests.services import need


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in need.loud_lines():
        terminalreporter.write_line(line, yellow=True, bold=True)
