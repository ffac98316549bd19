"""A run that left tests out says so, and in CI it has failed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

def test_the_page(): pytest.skip("there is no browser here")

def test_the_rest(): pass
"""


def run(folder: Path, tests: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(tests)
    told = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST"))} | environment
    pytest_ = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "deploy.local.skips",
        "-c",
        os.devnull,
        "--rootdir",
        ".",
        "test_it.py",
    ]
    return subprocess.run(pytest_, cwd=folder, env=told, capture_output=True, text=True, check=False)


def test_what_was_not_run_is_told_with_its_reason(tmp_path: Path) -> None:
    said = run(tmp_path, TESTS)

    assert said.returncode == 0
    assert "not run: 1" in said.stdout
    assert "test_it.py::test_the_page: there is no browser here" in said.stdout


@pytest.mark.parametrize(("tests", "code"), [(TESTS, 1), ("def test_the_rest(): pass", 0)])
def test_in_ci_a_run_that_left_something_out_has_failed(tmp_path: Path, tests: str, code: int) -> None:
    said = run(tmp_path, tests, CI="true")

    assert said.returncode == code, said.stdout
