"""What must agree within one `workload.yaml`, beyond what its schema can say."""

from __future__ import annotations

import dataclasses
import re
import typing

from training.errors import SpecError
from training.workloads.description import CLASSIFICATION
from training.workloads.values import convert

if typing.TYPE_CHECKING:
    from training.workloads.description import Channel, Hyperparameter, Tuning, Uploads, Workload


def check(workload: Workload) -> None:
    """Refuse facts that contradict each other: SpecError with key, value and remedy."""
    data, training = workload.data, workload.training
    if data.default not in data.options:
        raise SpecError("data.default", data.default, f"must be one of data.options: {', '.join(data.options)}")
    prefixes = {f"data.channels.{name}.prefix": channel.prefix for name, channel in data.channels.items()}
    for field, prefix in (prefixes | {"capture.prefix": workload.capture.prefix}).items():
        if not prefix.startswith(f"{workload.name}/"):
            raise SpecError(field, prefix, f"must start with {workload.name}/, the workload's own part of the bucket")
    for name, channel in data.channels.items():
        _check_channel(f"data.channels.{name}", channel)
    if workload.task == CLASSIFICATION and len(data.classes) == 1:
        raise SpecError("data.classes", list(data.classes), "there is nothing to tell apart; name two or more")
    _check_training(workload)
    if workload.load.p99_ms < workload.load.p95_ms:
        raise SpecError("load.p99_ms", workload.load.p99_ms, f"must not be below load.p95_ms, {workload.load.p95_ms}")
    if workload.workflow and not workload.functions:
        raise SpecError("functions", [], "the workflow needs functions; name their folders, or remove the workflow")
    if workload.uploads:
        _check_uploads(workload, workload.uploads)
    for name, value in workload.rehearsal.hyperparameters.items():
        if name not in training.hyperparameters:
            raise SpecError(
                f"rehearsal.hyperparameters.{name}", value, "is none of training.hyperparameters; remove it"
            )
        convert(f"rehearsal.hyperparameters.{name}", training.hyperparameters[name], value)


def _check_uploads(workload: Workload, uploads: Uploads) -> None:
    if not uploads.prefix.startswith(f"{workload.name}/"):
        raise SpecError("uploads.prefix", uploads.prefix, f"must start with {workload.name}/incoming/")
    known = [*(["workflow"] if workload.workflow else []), *workload.functions]
    if uploads.start not in known:
        raise SpecError("uploads.start", uploads.start, f"must be one of {', '.join(known)}")


def _check_training(workload: Workload) -> None:
    training = workload.training
    for name, parameter in training.hyperparameters.items():
        _check_hyperparameter(f"training.hyperparameters.{name}", parameter)
    for index, metric in enumerate(training.metrics):
        _check_regex(f"training.metrics.{index}.regex", metric.regex)
    _check_metric(workload, "training.gate.metric", training.gate.metric)
    if training.instance.spot and training.instance.warm_s:
        raise SpecError("training.instance.warm_s", training.instance.warm_s, "spot capacity cannot be kept; remove it")
    if training.tuning:
        _check_tuning(workload, training.tuning)


def _check_channel(field: str, channel: Channel) -> None:
    augmented = channel.data_type == "AugmentedManifestFile"
    if augmented != bool(channel.attributes):
        remedy = (
            "name what a line of the manifest holds, in order" if augmented else "only a manifest has any; remove it"
        )
        raise SpecError(f"{field}.attributes", list(channel.attributes), remedy)
    if channel.data_type != "S3Prefix" and channel.prefix.endswith("/"):
        raise SpecError(f"{field}.prefix", channel.prefix, "must be the key of the manifest; it ends in a slash")
    if channel.data_type == "S3Prefix" and not channel.prefix.endswith("/"):
        raise SpecError(f"{field}.prefix", channel.prefix, "must end in a slash, or similar names would match as well")
    if channel.record_wrapper != "None" and channel.input_mode != "Pipe":
        raise SpecError(
            f"{field}.record_wrapper", channel.record_wrapper, "only Pipe wraps records; set input_mode: Pipe"
        )


def _check_metric(workload: Workload, field: str, metric: str) -> None:
    known = [known.name for known in workload.training.metrics]
    if metric not in known:
        raise SpecError(field, metric, f"must be one of training.metrics: {', '.join(known)}")


def _check_tuning(workload: Workload, tuning: Tuning) -> None:
    _check_metric(workload, "training.tuning.objective.metric", tuning.objective.metric)
    if tuning.max_parallel > tuning.max_jobs:
        remedy = f"must not exceed max_jobs, {tuning.max_jobs}"
        raise SpecError("training.tuning.max_parallel", tuning.max_parallel, remedy)
    if (tuning.strategy == "Hyperband") != (tuning.resource is not None):
        remedy = "Hyperband, and only it, needs the least and the most epochs of a trial"
        raise SpecError("training.tuning.resource", tuning.resource, remedy)
    for name, span in tuning.ranges.items():
        field = f"training.tuning.ranges.{name}"
        if name not in workload.training.hyperparameters:
            known = ", ".join(workload.training.hyperparameters)
            raise SpecError(field, name, f"is none of training.hyperparameters: {known}")
        parameter = workload.training.hyperparameters[name]
        numeric = parameter.type in {"integer", "number"}
        if numeric == (span.values is not None) or numeric != (span.min is not None and span.max is not None):
            remedy = "needs min and max" if numeric else "needs values"
            raise SpecError(field, dataclasses.asdict(span), f"a {parameter.type} {remedy}, and nothing else")
        for value in span.values or (span.min, span.max):
            convert(field, parameter, value)
        if numeric and not typing.cast("float", span.min) < typing.cast("float", span.max):
            raise SpecError(f"{field}.min", span.min, f"must be below max, {span.max}")


def _check_hyperparameter(field: str, parameter: Hyperparameter) -> None:
    for limit in ("min", "max"):
        value = getattr(parameter, limit)
        if value is not None and parameter.type not in {"integer", "number"}:
            raise SpecError(f"{field}.{limit}", value, f"a {parameter.type} has no {limit}; remove it")
    if parameter.choices is not None and parameter.type != "string":
        raise SpecError(f"{field}.choices", list(parameter.choices), "only string takes choices; use min and max")
    if isinstance(parameter.default, str) != (parameter.type == "string"):
        raise SpecError(f"{field}.default", parameter.default, f"must be of type {parameter.type}")
    convert(f"{field}.default", parameter, parameter.default)


def _check_regex(field: str, regex: str) -> None:
    try:
        groups = re.compile(regex).groups
    except re.error as error:
        raise SpecError(field, regex, f"is not a regular expression ({error}); mend it") from None
    if groups != 1:
        raise SpecError(field, regex, f"must have exactly one group, the number; it has {groups}")
