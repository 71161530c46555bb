"""The controller's resource definitions, reduced to their fields, as JSON Schemas that take no unknown field."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

CRDS = json.loads((Path(__file__).parent / "ack_crds.json").read_text(encoding="utf-8"))
KINDS: dict[str, Any] = CRDS["kinds"]


def problems(manifest: dict[str, Any]) -> list[str]:
    """What the definition of the manifest's kind has against it."""
    return sorted(f"{error.json_path}: {error.message}" for error in _validator(manifest["kind"]).iter_errors(manifest))


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    strings = {"type": "object", "additionalProperties": {"type": "string"}}
    return jsonschema.Draft202012Validator(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["apiVersion", "kind", "metadata", "spec"],
            "properties": {
                "apiVersion": {"const": "sagemaker.services.k8s.aws/v1alpha1"},
                "kind": {"const": kind},
                "metadata": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["name", "namespace", "annotations"],
                    "properties": {
                        "name": {"type": "string", "maxLength": 253, "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"},
                        "namespace": {"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"},
                        "annotations": strings,
                        "labels": strings,
                    },
                },
                "spec": schema(KINDS[kind]),
            },
        }
    )


def schema(tree: Any) -> dict[str, Any]:
    """JSON Schema of one entry of ack_crds.json."""
    if isinstance(tree, str):
        return {"type": tree}
    if isinstance(tree, list):
        return {"type": "array", "items": schema(tree[0])}
    if "*" in tree:
        return {"type": "object", "additionalProperties": schema(tree["*"])}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name[1:] for name in tree if name.startswith("!")],
        "properties": {name.removeprefix("!"): schema(inner) for name, inner in tree.items()},
    }
