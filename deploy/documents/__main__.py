"""Write the documents that are made from the code, or check that they are current.

python -m deploy.documents [--check]
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from deploy.documents import access, asyncapi, life, tables
from deploy.documents.spoken import Spoken, by_name

DOCS = Path(__file__).parents[2] / "docs"


def documents() -> dict[Path, str]:
    """Every document with its text."""
    schemas = {DOCS / "schemas" / f"{name}.json": _json(schema(spoken)) for name, spoken in by_name().items()}
    pages = {DOCS / "events.md": tables.page(), DOCS / "referral-life.md": life.page()}
    pages |= {DOCS / "access.md": access.page()}
    return schemas | pages | {DOCS / "asyncapi.json": _json(asyncapi.document())}


def schema(spoken: Spoken) -> dict[str, Any]:
    """JSON Schema 2020-12: of what may be sent for what comes from outside, else of what is said."""
    made: dict[str, Any] = spoken.model.model_json_schema(
        mode="validation" if spoken.is_from_outside else "serialization"
    )
    if spoken.command:
        made["properties"]["command"] = {"const": spoken.command}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{spoken.name}.json"} | made


def stale() -> list[Path]:
    """Documents that are missing, differ from the code, or are made no more."""
    current = documents()
    differ = [path for path, text in current.items() if not path.exists() or path.read_text("utf-8") != text]
    return differ + [path for path in (DOCS / "schemas").glob("*.json") if path not in current]


def write() -> None:
    (DOCS / "schemas").mkdir(parents=True, exist_ok=True)
    for path in stale():
        path.unlink(missing_ok=True)
    for path, text in documents().items():
        path.write_text(text, "utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.documents", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; say what is not current")
    if not parser.parse_args().check:
        return write()
    if wrong := stale():
        print(*(f"not current: {path.relative_to(DOCS.parent)}" for path in wrong), sep="\n", file=sys.stderr)
        sys.exit("run: python -m deploy.documents")


if __name__ == "__main__":
    main()
