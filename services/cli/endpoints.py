"""Where the relay is found: what `./dev up` wrote down, and what the environment says instead."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.cli.faults import CannotDo

STATE, FILE = ".staffetta", "endpoints.json"
SERVICES = ("gateway", "intake", "directory", "referral", "housing", "programmes", "notifications", "console")
REMEDY = "Start the relay with ./dev up, name the file with --endpoints, or set KAFKA_URL and STAFFETTA_<SERVICE>_URL."


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Each part None or empty where nothing says it. state: the folder in which the local stack keeps its keys.

    mail: the folder in which the local mail server keeps what it was given. namespace: goes before each topic's name.
    """

    state: Path = Path(STATE)
    file: Path | None = None
    kafka: str | None = None
    mongo: str | None = None
    mail: Path | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""

    def need_kafka(self) -> str:
        if not self.kafka:
            raise CannotDo("Nothing says where Kafka is.", REMEDY)
        return self.kafka

    def need_mongo(self) -> str:
        if not self.mongo:
            raise CannotDo("Nothing says where the databases are.", "Start the relay with ./dev up, or set MONGO_URL.")
        return self.mongo

    def need_service(self, name: str) -> str:
        if name not in self.services:
            raise CannotDo(f"Nothing says where the service {name} is.", REMEDY)
        return self.services[name]

    def need_services(self) -> Mapping[str, str]:
        if not self.services:
            raise CannotDo("Nothing says where the services are.", REMEDY)
        return self.services

    def named(self, topic: str) -> str:
        """A topic's name in this network, by the chassis's own rule."""
        from services.chassis.settings import Settings

        return Settings(namespace=self.namespace).named(topic)


def find(stated: Path | None, environment: Mapping[str, str] = os.environ) -> Endpoints:
    """`stated`, else the nearest `.staffetta/endpoints.json` from here upwards; the environment overrides each part."""
    state = stated.parent if stated else nearest(Path.cwd()) or Path(STATE)
    file = stated or (state / FILE if (state / FILE).is_file() else None)
    known = _read(file) if file else {}
    services: dict[str, str] = known.get("services", {})
    named = {s: url for s in SERVICES if (url := environment.get(f"STAFFETTA_{s.upper()}_URL"))}
    return Endpoints(
        state=state,
        file=file,
        kafka=environment.get("KAFKA_URL") or known.get("kafka"),
        mongo=environment.get("MONGO_URL") or known.get("mongo"),
        mail=Path(folder) if (folder := known.get("mail")) else None,
        services=services | named,
        namespace=environment.get("STAFFETTA_NAMESPACE", ""),
    )


def nearest(folder: Path) -> Path | None:
    """The folder in which `./dev up` keeps its state, here or above."""
    return next((at for f in (folder, *folder.parents) if (at := f / STATE).is_dir()), None)


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise CannotDo(f"There is no file {file}.", REMEDY, status=2) from None
    except (OSError, ValueError):
        raise CannotDo(
            f"{file} cannot be read as JSON.", "Stop ./dev up and start it again: it writes the file anew."
        ) from None
    if not isinstance(known, dict):
        raise CannotDo(f"{file} does not hold an object.", "Stop ./dev up and start it again: it writes the file anew.")
    return known
