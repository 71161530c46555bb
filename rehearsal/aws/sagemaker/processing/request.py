"""What CreateProcessingJob refuses beyond the shapes of its input.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html and its neighbours.
"""

from __future__ import annotations

from typing import Any

from rehearsal.aws.sagemaker.errors import AWSValidationException

_BELOW = "/opt/ml/processing/"


def check(request: dict[str, Any]) -> None:
    """Check members against each other.

    Raises
    ------
    AWSValidationException
        Naming the member and, where there is one, the value.
    """
    inputs = request.get("ProcessingInputs") or []
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    _unique("input", [one["InputName"] for one in inputs])
    _unique("output", [one["OutputName"] for one in outputs])
    for one in inputs:
        _input(one)
    for one in outputs:
        place = one.get("S3Output")
        if place is None and not one.get("AppManaged"):
            raise AWSValidationException(f"Output {one['OutputName']} needs an S3Output, because it is not AppManaged.")
        if place is not None:
            _local("Output", one["OutputName"], place)
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if cluster.get("InstancePreferences"):
        raise AWSValidationException(
            "InstancePreferences are refused: the embedded AWS is never short of an instance type; give InstanceType."
        )
    if not cluster.get("InstanceType") or not cluster.get("InstanceCount"):
        raise AWSValidationException("ClusterConfig needs InstanceType and InstanceCount.")


def _input(one: dict[str, Any]) -> None:
    name, source = one["InputName"], one.get("S3Input")
    if one.get("AppManaged"):
        return
    if source is None:
        raise AWSValidationException(
            f"Input {name} has no S3Input: the embedded AWS has neither Athena nor Redshift for a DatasetDefinition."
        )
    if source.get("S3InputMode", "File") != "File":
        raise AWSValidationException(
            f"Input {name} asks for Pipe mode, which the embedded AWS has for training jobs only: use File."
        )
    if source.get("S3CompressionType", "None") != "None":
        raise AWSValidationException(f"Input {name}: S3CompressionType Gzip can be used with S3InputMode Pipe only.")
    _local("Input", name, source)


def _local(what: str, name: str, place: dict[str, Any]) -> None:
    path = str(place.get("LocalPath") or "")
    if not f"{path}/".startswith(_BELOW) or ".." in path.split("/"):
        raise AWSValidationException(f"{what} {name} has the LocalPath {path!r}, which must begin with {_BELOW}.")


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AWSValidationException(f"Names of {what}s must be unique; given more than once: {', '.join(twice)}.")
