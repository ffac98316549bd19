"""Gets the broker's jars by their Maven coordinates and refuses any that is not the one we know."""

import hashlib
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from deploy.local.faults import CannotRun

LIST = Path(__file__).with_name("kafka-jars.txt")
ROOTS = ("org.apache.kafka:kafka_2.13", "org.slf4j:slf4j-simple:1.7.36")
SIDE_BY_SIDE = 4

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """sha256: hexadecimal. coordinates: group, artifact, version."""

    sha256: str
    coordinates: str

    @property
    def name(self) -> str:
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


def listed(file: Path = LIST) -> list[Jar]:
    return [Jar(*line.split()) for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def fetch(jars: Iterable[Jar], cache: Path, say: Say) -> list[Path]:
    """The jars' paths, each checked against its hash; raises CannotRun where one is not to be had or is another."""
    jars, context = list(jars), _maven(cache)
    missing = [jar for jar in jars if not _kept(jar, context)]
    downloads = ThreadPoolExecutor(SIDE_BY_SIDE)
    try:
        for done, jar in enumerate(downloads.map(lambda jar: _download(jar, context), missing), 1):
            say(f"Kafka: file {done} of {len(missing)}, {jar.name}")
    finally:
        # after a failure or Ctrl-C nothing more is begun
        downloads.shutdown(cancel_futures=True)
    if missing:
        say("Kafka: all files are here and are the ones we know\n")
    return [_path(jar, context) for jar in jars]


def _kept(jar: Jar, context: Any) -> bool:
    """Whether the cache holds it whole; what a killed download left behind is removed."""
    path = _path(jar, context)
    if path.exists() and _sha256(path) != jar.sha256:
        path.unlink()
    return path.exists()


def _download(jar: Jar, context: Any) -> Jar:
    try:
        path = _artifact(jar.coordinates, context).resolve()
    except (OSError, RuntimeError, requests.RequestException) as fault:
        raise CannotRun(f"{jar.name} could not be downloaded: is there a network?") from fault
    if _sha256(path) != jar.sha256:
        path.unlink()
        raise CannotRun(f"{jar.name} is not the file that {LIST.name} names (its sha256 differs): it is not used.")
    return jar


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _path(jar: Jar, context: Any) -> Path:
    path: Path = _artifact(jar.coordinates, context).cached_path
    return path


def _artifact(coordinates: str, context: Any) -> Any:
    group, artifact, version = coordinates.split(":")
    return context.project(group, artifact).at_version(version).artifact()


def _maven(cache: Path) -> Any:
    """Repositories are Maven's own and those of the user's jgo settings, never ours."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    repositories = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    return MavenContext(repo_cache=cache / "maven", remote_repos=repositories, timeout=30)


def relist(version: str, cache: Path) -> str:
    """The list for another version of Kafka, from what Maven resolves now: to be read before it is committed."""
    from jgo.maven import Dependency

    context = _maven(cache)
    roots = [Dependency(_artifact(root if root.count(":") == 2 else f"{root}:{version}", context)) for root in ROOTS]
    wanted, brought = context.resolver.resolve(roots)
    found = {f"{d.groupId}:{d.artifactId}:{d.version}": _sha256(d.artifact.resolve()) for d in wanted + brought}
    return "".join(f"{sha256} {coordinates}\n" for coordinates, sha256 in sorted(found.items()))


if __name__ == "__main__":
    print(relist(sys.argv[1], Path(sys.argv[2])), end="")
