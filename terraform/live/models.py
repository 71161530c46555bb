"""The file of promoted models, ``models.auto.tfvars.json``: read, compared, written whole or not at all."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terraform.command import TerraformError
from terraform.stacks.synth import write_atomically

Model = Mapping[str, Any]
Models = Mapping[str, Model]

CONTENT = ("version", "image", "model_data_url", "model_package_arn", "sha256")
"""What makes two entries the same model; when it was promoted, and its ETag, do not."""


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the models by workload; none where there is no file.

    Raises
    ------
    TerraformError
        For a file that is damaged.
    """
    if not path.exists():
        return {}
    try:
        models = json.loads(path.read_text())["models"]
        return {str(workload): dict(model) for workload, model in models.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TerraformError(
            f'{path} is not {{"models": {{WORKLOAD: {{...}}}}}} ({error!r}): restore it with git'
        ) from None


def text(models: Models) -> str:
    """The file's text."""
    return json.dumps({"models": models}, indent=2, sort_keys=True) + "\n"


def write(path: Path, models: Models) -> None:
    """Replace the file."""
    write_atomically(path, text(models))


def diff(before: Models, after: Models, name: str) -> str:
    """What changes, for a person."""
    lines = difflib.unified_diff(text(before).splitlines(True), text(after).splitlines(True), name, name)
    return "".join(lines)


def same(one: Model | None, other: Model | None) -> bool:
    """Whether two entries name the same model."""
    if one is None or other is None:
        return one is other
    return all(one.get(field) == other.get(field) for field in CONTENT)
