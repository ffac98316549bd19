"""The rules of the house bite: each violation, planted in a copy of the tree, is caught by the tool that guards it."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("contracts", "services", "deploy", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=100, check=False)


def imports(tree: Path) -> subprocess.CompletedProcess[str]:
    return run(tree, str(BIN / "lint-imports"), "--no-cache")


def ruff(tree: Path) -> subprocess.CompletedProcess[str]:
    return run(tree, str(BIN / "ruff"), "check", "--no-cache", "services")


def plant(path: Path, line: str) -> None:
    path.write_text(path.read_text() + "\n" + line + "\n")


def a_domain(tree: Path, service: str) -> Path:
    domain = tree / "services" / service / "domain"
    return domain / "__init__.py" if domain.is_dir() else domain.with_suffix(".py")


def test_the_tree_as_it_is_breaks_no_rule(tree: Path) -> None:
    assert imports(tree).returncode == 0, imports(tree).stdout
    assert ruff(tree).returncode == 0, ruff(tree).stdout


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("services/gateway/store.py", "import services.intake.store"),
        ("services/chassis/kafka.py", "import services.referral.app"),
        ("services/http/tokens.py", "import services.chassis.settings"),
        ("contracts/values.py", "import services.chassis.settings"),
        ("services/intake/store.py", "import services.intake.handlers"),
        ("services/referral/handlers.py", "import faststream"),
        ("services/cli/verify/checks/needs.py", "import pymongo"),
        ("services/cli/conform/checks.py", "import aiokafka"),
        ("services/referral/store.py", "import deploy.local.state"),
        ("services/intake/store.py", "import services.places.store"),
        ("services/chassis/kafka.py", "import services.places.store"),
    ],
)
def test_an_import_against_the_layers_is_caught(tree: Path, where: str, line: str) -> None:
    plant(tree / where, line)

    assert imports(tree).returncode != 0


@pytest.mark.parametrize("line", ["import services.chassis.settings", "import pymongo", "import random"])
def test_a_domain_that_is_not_pure_is_caught(tree: Path, line: str) -> None:
    plant(a_domain(tree, "referral"), line)

    assert imports(tree).returncode != 0


@pytest.mark.parametrize(
    "line", ["import datetime\nNOW = datetime.datetime.now(datetime.UTC)", "import uuid\nID = uuid.uuid4()"]
)
def test_a_clock_or_chance_in_a_domain_is_caught(tree: Path, line: str) -> None:
    plant(a_domain(tree, "referral"), line)

    found = ruff(tree)
    assert found.returncode != 0
    assert "TID251" in found.stdout


def test_another_acknowledgement_policy_is_caught(tree: Path) -> None:
    worker = tree / "services/chassis/worker.py"
    worker.write_text(worker.read_text().replace("ack_policy=AckPolicy.MANUAL", "ack_policy=AckPolicy.ACK"))

    found = run(tree, sys.executable, "-c", WORKER)

    assert found.returncode != 0
    assert "positions are the ledger's alone" in found.stderr


WORKER = """
from services.chassis.settings import Settings
from services.chassis.ledger import Ledger
from services.chassis.worker import Worker
from tests.chassis.example import first
from faststream import AckPolicy
import asyncio
async def main(): return Worker(Ledger(None, None, "first", first.routes, Settings()))
[mine] = asyncio.run(main()).broker.subscribers
assert mine.ack_policy is AckPolicy.MANUAL, "positions are the ledger's alone"
"""


def test_the_policy_that_is_ours_is_not(tree: Path) -> None:
    assert run(tree, sys.executable, "-c", WORKER).returncode == 0


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("owns", "aggregates are changed by intake.commands"),
        ("copies", "intakes are aggregates, and no copies of intakes"),
    ],
)
def test_a_handler_that_changes_aggregates_outside_its_own_commands_is_caught(
    tree: Path, named: str, said: str
) -> None:
    handler = f"@handlers.on(topics.INTAKES, {named}=('intakes',))\nasync def f(m, tx): ..."
    plant(tree / "services/intake/handlers.py", handler)

    found = run(tree, sys.executable, "-c", "import services.intake.app")

    assert found.returncode != 0
    assert said in found.stderr


def test_a_direct_identifier_in_an_event_is_caught(tree: Path) -> None:
    events = tree / "contracts/events.py"
    events.write_text(
        events.read_text().replace(
            'TYPE = "staffetta.referral.sent.v1"\n', 'TYPE = "staffetta.referral.sent.v1"\n\n    birth_date: str = ""\n'
        )
    )

    found = run(
        tree, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts/test_messages.py",
        "-k", "no_event_has_a_field_for_who_the_person_is",
    )  # fmt: skip

    assert found.returncode != 0
    assert "birth_date" in found.stdout


# -- the broker --------------------------------------------------------------------------------------------------------
def ways_to_the_broker(services: Path) -> list[str]:
    """Where a client of the broker is made of an address alone: it would bring no credentials."""
    found = []
    for module in sorted(services.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.Call)]
        for call in calls:
            name, told = ast.unparse(call.func), {keyword.arg for keyword in call.keywords}
            alone = name.startswith("AIOKafka") and (None not in told or "bootstrap_servers" in told)
            if alone or (name == "KafkaBroker" and "security" not in told):
                found.append(f"{module.stem}:{call.lineno}")
    return found


def test_no_client_of_the_broker_goes_there_without_what_it_proves_who_it_is_by(tree: Path) -> None:
    assert ways_to_the_broker(tree / "services") == []

    plant(tree / "services/cli/wire.py", "ALONE = lambda url: AIOKafkaProducer(bootstrap_servers=url)")
    plant(tree / "services/chassis/worker.py", "ALONE = lambda url: KafkaBroker(url)")

    assert [at.partition(":")[0] for at in ways_to_the_broker(tree / "services")] == ["worker", "wire"]


# -- the console's gate ------------------------------------------------------------------------------------------------
STORES = {"gate", "glass", "store", "sessions", "login", "renewing", "web", "live", "counting", "handlers", "app"}
"""The modules of the console that may hold the store: who logs in and who is logged in, and the gate itself,
behind which glass is broken."""


def ways_around_the_gate(console: Path) -> list[str]:
    """Where a page takes hold of the console's database by itself."""
    found = []
    for module in sorted(console.glob("*.py")):
        if module.stem not in STORES:
            tree = ast.walk(ast.parse(module.read_text("utf-8")))
            at = [node.lineno for node in tree if isinstance(node, ast.Attribute) and node.attr in ("db", "_db")]
            found += [f"{module.stem}:{line}" for line in at]
    return found


def test_no_page_of_the_console_goes_around_the_gate(tree: Path) -> None:
    console = tree / "services/console"
    assert ways_around_the_gate(console) == []

    plant(console / "boards.py", "ROWS = lambda request: request.app.state.context.db['referrals'].find({})")
    plant(console / "lists.py", "TASKS = lambda request: gate_of(request)._db['tasks'].find({})")

    assert [at.partition(":")[0] for at in ways_around_the_gate(console)] == ["boards", "lists"]


@pytest.mark.parametrize("page", ["boards", "operating", "glossary"])
def test_a_page_that_knows_the_store_is_caught(tree: Path, page: str) -> None:
    plant(tree / f"services/console/{page}.py", "import services.console.store")

    assert imports(tree).returncode != 0
