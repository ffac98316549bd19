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
    told = {
        name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST", "STAFFETTA"))
    } | environment
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


ENGINES = """
import pytest

@pytest.mark.own_engines
def test_the_crash(): pass

def test_the_rest(): pass
"""


def test_a_run_in_containers_says_on_which_and_what_ran_elsewhere(tmp_path: Path) -> None:
    said = run(tmp_path, ENGINES, STAFFETTA_CONTAINERS="apache/kafka:1, mongo:2")

    assert "engines: containers of apache/kafka:1, mongo:2" in said.stdout
    assert "on this machine's own engines: 1" in said.stdout
    assert "test_it.py::test_the_crash\n" in said.stdout


def test_a_run_on_local_engines_says_nothing_of_containers(tmp_path: Path) -> None:
    assert "containers" not in run(tmp_path, ENGINES).stdout
