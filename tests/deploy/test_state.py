"""What the one-machine stack remembers, and what stands in its way."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local import checks, issuer, state
from deploy.local.faults import CannotRun
from deploy.local.stack import SERVICES, Stack


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_program_finds_the_stack_in_the_endpoints_file(tmp_path: Path) -> None:
    state.write_endpoints(tmp_path, "127.0.0.1:9092", "mongodb://x", {"gateway": "http://127.0.0.1:8080"},
                          smtp="smtp://127.0.0.1:1025", mail=tmp_path / "mail")  # fmt: skip

    assert json.loads((tmp_path / "endpoints.json").read_text()) == {
        "kafka": "127.0.0.1:9092",
        "mongo": "mongodb://x",
        "smtp": "smtp://127.0.0.1:1025",
        "mail": str(tmp_path / "mail"),
        "services": {"gateway": "http://127.0.0.1:8080"},
    }
    assert mode(tmp_path / "endpoints.json") == 0o600


def test_a_second_stack_in_the_same_folder_is_told_who_runs(tmp_path: Path) -> None:
    with (
        state.only_one(tmp_path),
        pytest.raises(CannotRun, match=f"already up here .process {os.getpid()}."),
        state.only_one(tmp_path),
    ):
        pass

    with state.only_one(tmp_path):
        pass


def test_starting_fresh_deletes_the_data_and_keeps_keys_and_downloads(tmp_path: Path) -> None:
    for name in ("kafka/data", "store", "cache", "issuer"):
        (tmp_path / name).mkdir(parents=True)

    state.forget(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "issuer"]


def test_a_token_signed_with_the_local_key_is_good_for_the_services(tmp_path: Path) -> None:
    told = issuer.token_environment(tmp_path)
    key = ECKey.import_key(json.loads((tmp_path / "issuer" / "key.json").read_text()))

    token = jwt.encode({"alg": "ES256", "kid": key.kid}, {"iss": told["TOKEN_ISSUER"]}, key)

    public = json.loads(Path(told["TOKEN_JWKS"]).read_text())
    assert jwt.decode(token, KeySet.import_key_set(public)).claims == {"iss": "urn:staffetta:local"}
    assert "d" not in public["keys"][0]


def test_keys_are_made_once_and_are_nobody_elses_business(tmp_path: Path) -> None:
    first = (
        issuer.pseudonym_key(tmp_path),
        issuer.token_environment(tmp_path),
        (tmp_path / "issuer/key.json").read_text(),
    )

    again = (
        issuer.pseudonym_key(tmp_path),
        issuer.token_environment(tmp_path),
        (tmp_path / "issuer/key.json").read_text(),
    )

    assert first == again
    assert mode(tmp_path / "pseudonym.key") == mode(tmp_path / "issuer" / "key.json") == 0o600


def test_a_taken_port_is_told_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(CannotRun, match=f"Port {port} for Kafka is taken .* choose another with --kafka-port"):
            checks.port_is_free(port, "Kafka", "--kafka-port")

    checks.port_is_free(port, "Kafka", "--kafka-port")


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "DISK_GB", 10.0**9)

    with pytest.raises(CannotRun, match="GB of disk are free here"):
        checks.disk_is_enough(tmp_path)


def test_short_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MEMORY_GB", 10.0**9)

    with pytest.raises(CannotRun, match="GB of memory are free"):
        checks.memory_is_enough()


def test_each_service_is_told_where_the_engines_are_and_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")

    told = Stack("127.0.0.1:9092", "mongodb://x", "smtp://x", 8080, tmp_path).child("referral").env or {}

    given = (told["KAFKA_URL"], told["MONGO_URL"], told["SMTP_URL"])
    assert given == ("127.0.0.1:9092", "mongodb://x", "smtp://x")
    assert (told["HTTP_HOST"], told["HTTP_PORT"], told["REPLICA"]) == ("127.0.0.1", "8083", "referral-0")
    assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"


def test_only_services_that_exist_are_started_and_each_keeps_its_port(tmp_path: Path) -> None:
    services = Stack("", "", "", 9000, tmp_path).services

    assert services["gateway"] == "http://127.0.0.1:9000"
    assert set(services) <= set(SERVICES)
    assert all(url.endswith(str(9000 + SERVICES.index(name))) for name, url in services.items())
