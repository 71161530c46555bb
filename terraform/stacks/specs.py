"""What a workload and a function say about themselves: workload.yaml and function.yaml, read as data.

Their owners validate the whole of them; here stands only the part that the stacks use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from terraform.stacks.settings.load import validate_model
from terraform.stacks.settings.yaml_file import read_yaml

if TYPE_CHECKING:
    from pathlib import Path


WORKFLOWS = "terraform/modules/workflow/*.asl.json"


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Channel(_Read):
    prefix: str
    content_type: str
    input_mode: Literal["File", "FastFile", "Pipe"] = "File"
    data_type: Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"] = "S3Prefix"
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    attributes: tuple[str, ...] = ()
    record_wrapper: Literal["None", "RecordIO"] = "None"
    shuffle_seed: int | None = None


class Data(_Read):
    channels: dict[str, Channel]


class Hyperparameter(_Read):
    type: Literal["boolean", "integer", "number", "string"]
    default: bool | int | float | str
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] | None = None


class Metric(_Read):
    name: str
    regex: str


class Instance(_Read):
    type: str
    count: int
    volume_gb: int
    max_runtime_s: int
    spot: bool = False
    warm_s: int = 0


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
    processes_per_instance: int = 1
    tuning: dict[str, Any] | None = None


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
    definition: str = "classify_images"
    thresholds: dict[str, float] = Field(default_factory=dict)


class Uploads(_Read):
    prefix: str
    start: str


class Table(_Read):
    partition_key: str
    sort_key: str


class Rehearsal(_Read):
    hyperparameters: dict[str, bool | int | float | str] = Field(default_factory=dict)


class Capture(_Read):
    percentage: int
    prefix: str


class WorkloadSpec(_Read):
    """The part of workload.yaml that becomes infrastructure."""

    name: str
    data: Data
    training: Training
    inference: Inference
    capture: Capture
    companions: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    workflow: Workflow | None = None
    uploads: Uploads | None = None
    table: Table | None = None
    rehearsal: Rehearsal = Rehearsal()


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


@dataclass(frozen=True)
class Specs:
    """What the repository holds, by name.

    Attributes
    ----------
    workloads, functions : mapping
        Specifications by folder name.
    fan_out : mapping of str to mapping of str to int
        By workflow, how many executions of a function it runs at the same time; functions outside its maps are absent.
    called : mapping of str to set of str
        By workflow, the functions that it calls.
    """

    workloads: Mapping[str, WorkloadSpec]
    functions: Mapping[str, FunctionSpec]
    fan_out: Mapping[str, Mapping[str, int]]
    called: Mapping[str, frozenset[str]]


def read_specs(root: Path) -> Specs:
    """Read the specifications below the repository's root.

    Raises
    ------
    SettingsError
        Naming the file, key and value that does not fit.
    """
    functions = _read_all(FunctionSpec, root, "functions/*/function.yaml")
    return Specs(
        workloads=_read_all(WorkloadSpec, root, "training/workloads/*/workload.yaml"),
        functions=functions,
        fan_out={
            path.name.removesuffix(".asl.json"): {
                name: count for name, count in _fan_out(path).items() if name in functions
            }
            for path in sorted(root.glob(WORKFLOWS))
        },
        called={
            path.name.removesuffix(".asl.json"): frozenset(_called(path) & set(functions))
            for path in sorted(root.glob(WORKFLOWS))
        },
    )


def _called(definition: Path) -> set[str]:
    """Find the placeholders of a definition, functions' names among them."""
    return set(re.findall(r"\$\{(\w+)\}", definition.read_text(encoding="utf-8")))


def _fan_out(definition: Path) -> dict[str, int]:
    """Find the placeholders inside the workflow's maps, each with the largest concurrency of the maps it stands in."""
    found: dict[str, int] = {}
    for state in json.loads(definition.read_text(encoding="utf-8"))["States"].values():
        if state["Type"] == "Map":
            for placeholder in re.findall(r"\$\{(\w+)\}", json.dumps(state["ItemProcessor"])):
                found[placeholder] = max(found.get(placeholder, 0), state["MaxConcurrency"])
    return found


def _read_all(model: type[Any], root: Path, pattern: str) -> dict[str, Any]:
    found = {}
    for path in sorted(root.glob(pattern)):
        source = path.relative_to(root).as_posix()
        found[path.parent.name] = validate_model(model, read_yaml(path, source), source)
    return found
