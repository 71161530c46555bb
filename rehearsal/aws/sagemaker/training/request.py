"""What CreateTrainingJob refuses beyond the shapes of its input."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.aws.sagemaker.errors import AWSValidationException
from rehearsal.aws.sagemaker.training import channels

_DATA_TYPES = ("S3Prefix", "ManifestFile", "AugmentedManifestFile")


def check(request: dict[str, Any]) -> None:
    """Check members against each other.

    Raises
    ------
    AWSValidationException
        Naming the member and, where there is one, the value.
    """
    algorithm = request["AlgorithmSpecification"]
    if not algorithm.get("TrainingImage") and not algorithm.get("AlgorithmName"):
        raise AWSValidationException("You must specify either TrainingImage or AlgorithmName, but not both.")
    _channels(request)
    _metrics(algorithm.get("MetricDefinitions") or [])
    _stopping(request)
    checkpoint = request.get("CheckpointConfig") or {}
    local = checkpoint.get("LocalPath", "/opt/ml/checkpoints")
    if checkpoint and not local.startswith("/opt/ml/"):
        raise AWSValidationException(
            f"CheckpointConfig.LocalPath {local} cannot be mapped: the embedded AWS maps paths below /opt/ml only."
        )


def _channels(request: dict[str, Any]) -> None:
    seen: set[str] = set()
    for channel in request.get("InputDataConfig") or []:
        name = channel["ChannelName"]
        if name in seen:
            raise AWSValidationException(f"Channel names must be unique. Channel {name} is given more than once.")
        seen.add(name)
        source = channel["DataSource"].get("S3DataSource")
        if source is None:
            raise AWSValidationException(
                f"Channel {name} has no S3DataSource: the embedded AWS has no file systems (EFS, FSx)."
            )
        if source["S3DataType"] not in _DATA_TYPES:
            raise AWSValidationException(
                f"Channel {name} has the S3DataType {source['S3DataType']}; the embedded AWS has only: "
                f"{', '.join(_DATA_TYPES)}."
            )
        _streaming(channel, source, channels.mode(request, channel))


def _streaming(channel: dict[str, Any], source: dict[str, Any], mode: str) -> None:
    """Check what goes with Pipe mode alone.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html and API_S3DataSource.html
    """
    name = channel["ChannelName"]
    if source["S3DataType"] == "AugmentedManifestFile":
        if not source.get("AttributeNames"):
            raise AWSValidationException(
                f"AttributeNames must be specified for channel {name}, because its S3DataType is AugmentedManifestFile."
            )
        if mode != "Pipe":
            raise AWSValidationException(
                f"Channel {name} is an AugmentedManifestFile, which can only be used with Pipe input mode, not {mode}."
            )
    for member in ("CompressionType", "RecordWrapperType"):
        value = channel.get(member, "None")
        if value != "None" and mode != "Pipe":
            raise AWSValidationException(f"{member} {value} of channel {name} needs Pipe input mode, not {mode}.")


def _metrics(definitions: list[dict[str, str]]) -> None:
    for definition in definitions:
        try:
            groups = re.compile(definition["Regex"]).groups
        except re.error as error:
            raise AWSValidationException(
                f"Metric definition {definition['Name']} has an invalid regular expression: {error}"
            ) from error
        if groups < 1:
            raise AWSValidationException(
                f"Metric definition {definition['Name']} needs a group that captures the value: {definition['Regex']}"
            )


def _stopping(request: dict[str, Any]) -> None:
    condition = request.get("StoppingCondition") or {}
    wait, run = condition.get("MaxWaitTimeInSeconds"), condition.get("MaxRuntimeInSeconds", 86_400)
    spot = bool(request.get("EnableManagedSpotTraining"))
    if spot and wait is None:
        raise AWSValidationException("MaxWaitTimeInSeconds must be provided when EnableManagedSpotTraining is true.")
    if wait is not None and not spot:
        raise AWSValidationException("MaxWaitTimeInSeconds is only valid when EnableManagedSpotTraining is true.")
    if wait is not None and wait < run:
        raise AWSValidationException("MaxWaitTimeInSeconds must be greater than or equal to MaxRuntimeInSeconds.")
