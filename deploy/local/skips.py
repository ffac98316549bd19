"""A pytest plugin: a run says what it ran on, and which tests it left out and why; in CI those have failed it."""

import os

import pytest

IN_CONTAINERS = os.environ.get("STAFFETTA_CONTAINERS")


def pytest_report_header() -> str | None:
    return f"engines: containers of {IN_CONTAINERS}" if IN_CONTAINERS else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped") and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _tell_what_ran_elsewhere(terminalreporter)
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section(f"not run: {len(skipped)}")
    for report in skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.line(f"{report.nodeid}: {why.removeprefix('Skipped: ')}")
    if skipped and os.environ.get("CI"):
        terminalreporter.line("In CI a run that leaves tests out has failed.")


def _tell_what_ran_elsewhere(reporter: pytest.TerminalReporter) -> None:
    """Where the rest ran in containers, those marked `own_engines` did not."""
    reports = [report for outcome in ("passed", "failed") for report in reporter.stats.get(outcome, [])]
    local = [report.nodeid for report in reports if "own_engines" in report.keywords]
    if IN_CONTAINERS and local:
        reporter.section(f"not in containers, on this machine's own engines: {len(local)}")
        reporter.write_line("\n".join(local))
