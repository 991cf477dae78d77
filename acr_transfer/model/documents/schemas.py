"""Writes docs/*.schema.json from the declarations: python -m acr_transfer.model.documents.schemas"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from acr_transfer.model.documents.evidence import EvidenceReport
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.lock import Lock
from acr_transfer.model.documents.pack_manifest import PackManifest
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.documents.review import ReviewReport

DOCUMENTS: dict[str, tuple[str, type[BaseModel]]] = {
    "evidence": ("Evidence", EvidenceReport),
    "handover": ("Hand-over", Handover),
    "lock": ("Lock", Lock),
    "pack": ("Pack manifest", PackManifest),
    "receipt": ("Receipt", Receipt),
    "review": ("Review", ReviewReport),
}
"""Each document by the name of its schema's file, with its title."""


class _Schema(GenerateJsonSchema):
    """JSON Schema as a person would write it."""

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> dict[str, Any]:
        found = _plain(super().generate(schema, mode))
        order = ("$schema", "title", "description", "type", "additionalProperties", "required", "properties")
        found = {"$schema": self.schema_dialect, "title": "", **found}
        return {key: found.pop(key) for key in order if key in found} | found


def _plain(schema: Any) -> Any:
    """The schema without defaults, and without the titles that pydantic makes up."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made_up = {"title", "default"} | ({"additionalProperties"} if schema.get("properties") else set())
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            plain[key] = {name: _plain(each) for name, each in value.items()}
        elif key == "description":
            plain[key] = " ".join(value.split())
        elif key not in made_up or value is False:
            plain[key] = _plain(value)
    least, most = plain.get("minimum"), plain.get("maximum")
    return plain if least is None or least != most else {"description": plain["description"], "const": least}


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a document."""
    title, model = DOCUMENTS[name]
    found = model.model_json_schema(by_alias=True, schema_generator=_Schema)
    return found | {"title": title}


def schema_text(name: str) -> str:
    """Return the content of a schema's file."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all schemas."""
    docs = Path(__file__).resolve().parents[3] / "docs"
    for name in DOCUMENTS:
        (docs / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
