"""Reads `workload.yaml`: the one place that says what a workload is.

The published JSON Schema decides about shape and ranges, so that an editor and this loader agree; what a schema cannot
say (a default inside its own range, a gate on a metric that exists) is checked here.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any

import jsonschema
import yaml

from training.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKLOADS = Path(__file__).resolve().parent
SCHEMA_FILE = WORKLOADS / "workload.schema.json"

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class DataOption:
    title: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Pixels of the model's input."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True, slots=True)
class Channel:
    prefix: str
    content_type: str
    input_mode: str = "File"


@dataclass(frozen=True, slots=True)
class Data:
    default: str
    options: dict[str, DataOption]
    classes: tuple[str, ...]
    image: ImageSize
    channels: dict[str, Channel]


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    type: str
    default: Value
    description: str
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    regex: str


@dataclass(frozen=True, slots=True)
class Instance:
    type: str
    count: int
    volume_gb: int
    max_runtime_s: int
    spot: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    metric: str
    minimum: float


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What int8 may cost.

    Attributes
    ----------
    max_top1_loss_points
        Percentage points of top-1 accuracy on the test images.
    calibration_images
        Training images from which the ranges of activations are taken.
    """

    max_top1_loss_points: float = 1.0
    calibration_images: int = 256


@dataclass(frozen=True, slots=True)
class Training:
    program: str
    image: str
    hyperparameters: dict[str, Hyperparameter]
    metrics: tuple[Metric, ...]
    instance: Instance
    gate: Gate
    quantisation: Quantisation = Quantisation()


@dataclass(frozen=True, slots=True)
class Inference:
    image: str
    content_types: tuple[str, ...]
    response_types: tuple[str, ...]
    instance_types: tuple[str, ...]
    max_image_bytes: int
    max_image_pixels: int
    top_k: int


@dataclass(frozen=True, slots=True)
class Workflow:
    threshold: float
    low_confidence: str


@dataclass(frozen=True, slots=True)
class Capture:
    percentage: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Load:
    p95_ms: float
    p99_ms: float
    max_error_share: float


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload as `workload.yaml` describes it."""

    name: str
    title: str
    description: str
    data: Data
    training: Training
    inference: Inference
    workflow: Workflow
    capture: Capture
    load: Load


def names(root: Path = WORKLOADS) -> list[str]:
    """Names of all workloads, sorted."""
    return sorted(path.parent.name for path in root.glob("*/workload.yaml"))


def load(name: str, root: Path = WORKLOADS) -> Workload:
    """Read and check one workload.

    Raises
    ------
    SpecError
        There is no such workload, or its file is wrong.
    """
    path = root / name / "workload.yaml"
    if name not in names(root):
        known = ", ".join(names(root)) or "none"
        raise SpecError("workload", name, f"no {path.name} for it; known: {known}{_meant(name, names(root))}")
    workload = parse(path.read_text(encoding="utf-8"), where=f"{name}/workload.yaml")
    if workload.name != name:
        raise SpecError("name", workload.name, f"must be its folder's name, {name!r}")
    return workload


def parse(text: str, where: str = "workload.yaml") -> Workload:
    """Check the text of a `workload.yaml` and return what it describes.

    Raises
    ------
    SpecError
        Not YAML, a key or value the schema refuses, or two facts that contradict each other.
    """
    try:
        # A SafeLoader that refuses doubled keys; yaml.safe_load would silently keep the last one.
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise SpecError(where, " ".join(str(error).split()), "is not valid YAML; mend the line it names") from None
    first = min(_schema_errors(document), key=lambda error: (len(error.path), str(error.path)), default=None)
    if first is not None:
        raise _explain(first)
    workload: Workload = _build(Workload, document)
    _check(workload)
    return workload


def resolve_hyperparameters(workload: Workload, given: Mapping[str, object] | None = None) -> dict[str, Value]:
    """Defaults overlaid with given values, each converted to its type and held to its range.

    Parameters
    ----------
    given
        Values by name; strings are accepted for every type, as SageMaker passes nothing else.

    Raises
    ------
    SpecError
        An unknown name, a value of the wrong type, or one out of range.
    """
    known = workload.training.hyperparameters
    values = {name: parameter.default for name, parameter in known.items()}
    for name, raw in (given or {}).items():
        field = f"hyperparameters.{name}"
        if name not in known:
            raise SpecError(field, raw, f"unknown; known: {', '.join(known)}{_meant(name, known)}")
        values[name] = _convert(field, known[name], raw)
    return values


def hyperparameter_strings(workload: Workload, given: Mapping[str, object] | None = None) -> dict[str, str]:
    """The same, as SageMaker's map of strings."""
    return {name: _as_string(value) for name, value in resolve_hyperparameters(workload, given).items()}


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _schema_errors(document: object) -> list[jsonschema.ValidationError]:
    return list(_validator().iter_errors(document))


def _explain(error: Any) -> SpecError:
    """Turn a schema error into key, value and remedy; the schema's descriptions are the remedies."""
    path = [str(part) for part in error.absolute_path]
    field = ".".join(path) or "workload.yaml"
    says = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        key = next(key for key in error.instance if key not in allowed)
        remedy = f"unknown key; known: {', '.join(allowed)}{_meant(key, allowed)}"
        return SpecError(".".join([*path, str(key)]), error.instance[key], remedy)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        about = error.schema.get("properties", {}).get(missing, {}).get("description", "")
        return SpecError(".".join([*path, missing]), None, f"is missing; add it. {about}".strip())
    if error.validator == "type":
        wanted = error.validator_value
        wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
        return SpecError(field, error.instance, f"must be of type {wanted}. {says}".strip())
    return SpecError(field, error.instance, f"{_rule(error)}. {says}".strip())


def _rule(error: Any) -> str:
    limit = error.validator_value
    rules = {
        "minimum": f"must be at least {limit}",
        "exclusiveMinimum": f"must be greater than {limit}",
        "maximum": f"must be at most {limit}",
        "enum": f"must be one of {limit}",
        "pattern": f"must match {limit}",
        "minItems": f"needs at least {limit} entries",
        "uniqueItems": "must not hold an entry twice",
    }
    return rules.get(str(error.validator), error.message)


def _build(kind: Any, value: Any) -> Any:
    """Make the dataclass tree from plain YAML values already checked by the schema."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return {key: _build(arguments[1], item) for key, item in value.items()}
    if origin is tuple:
        return tuple(_build(arguments[0], item) for item in value)
    if origin is UnionType and value is not None and arguments[-1] is type(None):
        return _build(arguments[0], value)
    return value


def _check(workload: Workload) -> None:
    data, training = workload.data, workload.training
    if data.default not in data.options:
        raise SpecError("data.default", data.default, f"must be one of data.options: {', '.join(data.options)}")
    prefixes = {f"data.channels.{name}.prefix": channel.prefix for name, channel in data.channels.items()}
    for field, prefix in (prefixes | {"capture.prefix": workload.capture.prefix}).items():
        if not prefix.startswith(f"{workload.name}/"):
            raise SpecError(field, prefix, f"must start with {workload.name}/, the workload's own part of the bucket")
    for name, parameter in training.hyperparameters.items():
        _check_hyperparameter(f"training.hyperparameters.{name}", parameter)
    for index, metric in enumerate(training.metrics):
        _check_regex(f"training.metrics.{index}.regex", metric.regex)
    known = [metric.name for metric in training.metrics]
    if training.gate.metric not in known:
        raise SpecError(
            "training.gate.metric", training.gate.metric, f"must be one of training.metrics: {', '.join(known)}"
        )
    if workload.load.p99_ms < workload.load.p95_ms:
        raise SpecError("load.p99_ms", workload.load.p99_ms, f"must not be below load.p95_ms, {workload.load.p95_ms}")


def _check_hyperparameter(field: str, parameter: Hyperparameter) -> None:
    for limit in ("min", "max"):
        value = getattr(parameter, limit)
        if value is not None and parameter.type not in {"integer", "number"}:
            raise SpecError(f"{field}.{limit}", value, f"a {parameter.type} has no {limit}; remove it")
    if parameter.choices is not None and parameter.type != "string":
        raise SpecError(f"{field}.choices", list(parameter.choices), "only string takes choices; use min and max")
    if isinstance(parameter.default, str) != (parameter.type == "string"):
        raise SpecError(f"{field}.default", parameter.default, f"must be of type {parameter.type}")
    _convert(f"{field}.default", parameter, parameter.default)


def _check_regex(field: str, regex: str) -> None:
    try:
        groups = re.compile(regex).groups
    except re.error as error:
        raise SpecError(field, regex, f"is not a regular expression ({error}); mend it") from None
    if groups != 1:
        raise SpecError(field, regex, f"must have exactly one group, the number; it has {groups}")


def _convert(field: str, parameter: Hyperparameter, raw: object) -> Value:
    value = _typed(field, parameter.type, raw)
    if parameter.choices is not None and value not in parameter.choices:
        meant = _meant(str(value), parameter.choices)
        raise SpecError(field, raw, f"must be one of {', '.join(parameter.choices)}{meant}")
    if parameter.type in {"integer", "number"}:
        low = -math.inf if parameter.min is None else parameter.min
        high = math.inf if parameter.max is None else parameter.max
        # Written so that NaN, which compares false with everything, is refused.
        if not low <= float(value) <= high:
            raise SpecError(field, raw, f"must lie between {low} and {high}")
    return value


def _typed(field: str, kind: str, raw: object) -> Value:
    try:
        if kind == "boolean":
            return {"true": True, "false": False}[str(raw).lower()]
        if kind == "string":
            return str(raw)
        if isinstance(raw, bool):
            raise ValueError
        if kind == "integer":
            return raw if isinstance(raw, int) else int(str(raw))
        return float(str(raw))
    except (KeyError, ValueError):
        example = {"boolean": "true or false", "integer": "a whole number such as 8", "number": "a number such as 0.01"}
        raise SpecError(field, raw, f"must be {example[kind]}") from None


def _as_string(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meant(word: object, known: typing.Iterable[str]) -> str:
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f". Did you mean {near[0]}?" if near else ""
