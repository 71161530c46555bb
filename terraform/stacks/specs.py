"""What a workload and a function say about themselves: workload.yaml and function.yaml, read as data.

Their owners validate the whole of them; here stands only the part that the stacks use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from terraform.stacks.settings.load import validate_model
from terraform.stacks.settings.yaml_file import read_yaml

if TYPE_CHECKING:
    from pathlib import Path


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Channel(_Read):
    prefix: str
    content_type: str
    input_mode: Literal["File", "FastFile", "Pipe"] = "File"


class Data(_Read):
    channels: dict[str, Channel]


class Hyperparameter(_Read):
    default: bool | int | float | str


class Metric(_Read):
    name: str
    regex: str


class Instance(_Read):
    type: str
    count: int
    volume_gb: int
    max_runtime_s: int
    spot: bool = False


class Gate(_Read):
    metric: str
    minimum: float


class Training(_Read):
    program: str
    image: str
    hyperparameters: dict[str, Hyperparameter]
    metrics: tuple[Metric, ...]
    instance: Instance
    gate: Gate


class Inference(_Read):
    image: str
    content_types: tuple[str, ...]
    response_types: tuple[str, ...]
    instance_types: tuple[str, ...]
    max_image_bytes: int
    max_image_pixels: int
    top_k: int


class Workflow(_Read):
    threshold: float
    low_confidence: Literal["review", "raise"]


class Capture(_Read):
    percentage: int
    prefix: str


class WorkloadSpec(_Read):
    """The part of workload.yaml that becomes infrastructure."""

    name: str
    data: Data
    training: Training
    inference: Inference
    workflow: Workflow
    capture: Capture


class EnvironmentVariable(_Read):
    default: str | None = None


class Condition(_Read):
    test: str
    variable: str
    values: tuple[str, ...]


class Statement(_Read):
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()


class FunctionSpec(_Read):
    """The part of function.yaml that becomes infrastructure."""

    name: str
    handler: str
    memory_mb: int
    timeout_s: int
    environment: dict[str, EnvironmentVariable]
    statements: tuple[Statement, ...]


def read_workloads(root: Path) -> dict[str, WorkloadSpec]:
    """Read every training/workloads/<name>/workload.yaml below the repository's root, by folder name."""
    return _read_all(WorkloadSpec, root, "training/workloads/*/workload.yaml")


def read_functions(root: Path) -> dict[str, FunctionSpec]:
    """Read every functions/<name>/function.yaml below the repository's root, by folder name."""
    return _read_all(FunctionSpec, root, "functions/*/function.yaml")


def _read_all(model: type[Any], root: Path, pattern: str) -> dict[str, Any]:
    found = {}
    for path in sorted(root.glob(pattern)):
        source = path.relative_to(root).as_posix()
        found[path.parent.name] = validate_model(model, read_yaml(path, source), source)
    return found
