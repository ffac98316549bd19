"""The broker's files come from a repository that might give us anything: only the ones we know are used."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.faults import CannotRun
from deploy.local.jars import Jar

COORDINATES, PLACE = "org.example:relay:1.0", "org/example/relay/1.0/relay-1.0.jar"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on this machine that serves a folder."""
    folder = tmp_path / "repository"
    (folder / PLACE).parent.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    yield folder
    server.shutdown()
    server.server_close()


def jar_of(content: bytes) -> Jar:
    return Jar(hashlib.sha256(content).hexdigest(), COORDINATES)


def test_a_jar_with_the_hash_we_know_is_fetched_once(repository: Path, tmp_path: Path) -> None:
    (repository / PLACE).write_bytes(b"the one")
    said: list[str] = []

    jars.fetch([jar_of(b"the one")], tmp_path / "cache", said.append)
    (repository / PLACE).unlink()
    [path] = jars.fetch([jar_of(b"the one")], tmp_path / "cache", said.append)

    assert path.read_bytes() == b"the one"
    assert said[0] == "Kafka: file 1 of 1, relay-1.0.jar"
    assert len(said) == 2


def test_a_jar_with_another_hash_is_refused_and_not_kept(repository: Path, tmp_path: Path) -> None:
    (repository / PLACE).write_bytes(b"another")

    with pytest.raises(CannotRun, match=r"relay-1\.0\.jar is not the file that kafka-jars\.txt names"):
        jars.fetch([jar_of(b"the one")], tmp_path / "cache", print)

    assert not list((tmp_path / "cache").rglob("*.jar"))


def test_half_a_jar_left_by_a_killed_download_is_fetched_again(repository: Path, tmp_path: Path) -> None:
    (repository / PLACE).write_bytes(b"the one")
    half = tmp_path / "cache" / "maven" / PLACE
    half.parent.mkdir(parents=True)
    half.write_bytes(b"the")

    [path] = jars.fetch([jar_of(b"the one")], tmp_path / "cache", print)

    assert path.read_bytes() == b"the one"


def test_a_jar_that_cannot_be_had_is_told_in_a_sentence(repository: Path, tmp_path: Path) -> None:
    nothing_there = repository / PLACE

    with pytest.raises(CannotRun, match="could not be downloaded: is there a network"):
        jars.fetch([jar_of(b"the one")], tmp_path / "cache", print)

    assert not nothing_there.exists()


def test_the_list_names_every_jar_with_a_sha256() -> None:
    known = jars.listed()

    assert any(jar.coordinates.startswith("org.apache.kafka:kafka_2.13:4.") for jar in known)
    assert all(len(jar.sha256) == 64 for jar in known)
    assert len({jar.coordinates for jar in known}) == len(known)
