"""Asked for containers, a run is on containers or it is none."""

import os
import subprocess
import sys

import pytest

from deploy.local import containers, jars


def run(tmp_path, **told: str) -> subprocess.CompletedProcess[str]:
    """`./dev test --containers` where no engine answers."""
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nowhere.sock"}
    environment = {name: value for name, value in os.environ.items() if name not in ("KAFKA_URL", "MONGO_URL")}
    command = [sys.executable, "-m", "deploy.local", "test", "--containers", "tests/deploy/test_lines.py"]
    return subprocess.run(command, env=environment | nowhere | told, capture_output=True, text=True, check=False)


def test_where_no_container_engine_answers_the_run_fails_with_one_plain_sentence(tmp_path) -> None:
    said = run(tmp_path)

    assert said.returncode == 1
    assert said.stdout == ""
    assert said.stderr.startswith("staffetta: No container engine answers at unix://")
    assert said.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["KAFKA_URL", "MONGO_URL"])
def test_an_engine_that_the_caller_brings_does_not_quietly_take_the_place_of_a_container(tmp_path, name: str) -> None:
    said = run(tmp_path, **{name: "127.0.0.1:1"})

    assert said.returncode == 1
    assert said.stderr.startswith(f"staffetta: {name} already names an engine")


def test_the_broker_in_the_container_is_the_version_that_runs_locally(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_IMAGE", raising=False)
    name, _, version = containers.kafka_image().partition(":")
    assert name == "apache/kafka"
    assert f"kafka-clients-{version}.jar" in [jar.name for jar in jars.listed()]

    monkeypatch.setenv("KAFKA_IMAGE", "registry.example/kafka:mine")
    assert containers.kafka_image() == "registry.example/kafka:mine"
