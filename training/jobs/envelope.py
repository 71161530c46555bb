"""The secure envelope of every job, and the one function that puts a request into it.

Network (private subnets, their groups, no way out of the container), encryption (between instances, of volumes, of
results), an end, a role, tags: where each of them stands in each of SageMaker's requests is one table. A request is
built from it, and what arrived on the wire is checked against it.

https://docs.aws.amazon.com/sagemaker/latest/dg/security.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.jobs.environment import Environment

Request = dict[str, Any]

_NETWORK = {"VpcConfig.SecurityGroupIds": "security_groups", "VpcConfig.Subnets": "subnets"}
_ISOLATION = {"EnableInterContainerTrafficEncryption": "encryption", "EnableNetworkIsolation": "isolation"}
_TRAINING = {
    "OutputDataConfig.KmsKeyId": "output_key",
    "ResourceConfig.VolumeKmsKeyId": "volume_key",
    "RoleArn": "role",
    "StoppingCondition.MaxRuntimeInSeconds": "max_runtime_s",
    **_NETWORK,
    **_ISOLATION,
}

PLACES: Mapping[str, Mapping[str, str]] = {
    "CreateTrainingJob": _TRAINING | {"Tags": "tags"},
    # Jobs of a tuning job get its tags.
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
    "CreateHyperParameterTuningJob": {f"TrainingJobDefinition.{path}": fact for path, fact in _TRAINING.items()}
    | {"Tags": "tags"},
    "CreateProcessingJob": {
        "ProcessingOutputConfig.KmsKeyId": "output_key",
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId": "volume_key",
        "RoleArn": "role",
        "StoppingCondition.MaxRuntimeInSeconds": "max_runtime_s",
        "Tags": "tags",
        **{f"NetworkConfig.{path}": fact for path, fact in (_NETWORK | _ISOLATION).items()},
    },
    # Network, isolation and role of a transform job are those of its model.
    "CreateTransformJob": {
        "Tags": "tags",
        "TransformOutput.KmsKeyId": "output_key",
        "TransformResources.VolumeKmsKeyId": "volume_key",
    },
    "CreateModel": {"EnableNetworkIsolation": "isolation", "ExecutionRoleArn": "role", "Tags": "tags", **_NETWORK},
}
"""Operation -> dotted path in its request -> the fact that stands there."""


def secured(operation: str, request: Request, environment: Environment, *, max_runtime_s: int | None = None) -> Request:
    """Put a request into the envelope and return it as a new dict.

    Parameters
    ----------
    max_runtime_s
        Seconds after which the job is ended; needed by every operation that can be given an end.

    Raises
    ------
    JobError
        The request sets a part of the envelope itself, or has no end.
    """
    facts = _facts(environment, max_runtime_s)
    result = _copy(request)
    for path, fact in PLACES[operation].items():
        if _at(request, path) is not None:
            raise JobError(path, _at(request, path), "belongs to the envelope, which alone may set it; leave it out")
        if not facts[fact]:
            raise JobError(path, facts[fact], f"the envelope of {operation} needs it")
        _set(result, path, facts[fact])
    return result


def holes(operation: str, request: Mapping[str, Any]) -> list[str]:
    """Paths of the envelope that a request, or what arrived of it, does not fill; a flag counts only when true."""
    return sorted(path for path in PLACES[operation] if not _at(request, path))


def held(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What of the envelope stands in a request, by path; parts that are not there are absent."""
    found = {path: _at(request, path) for path in sorted(PLACES[operation])}
    return {path: value for path, value in found.items() if value is not None}


def _facts(environment: Environment, max_runtime_s: int | None) -> dict[str, Any]:
    return {
        "encryption": True,
        "isolation": True,
        "max_runtime_s": max_runtime_s,
        "output_key": environment.output_key_arn,
        "role": environment.role_arn,
        "security_groups": list(environment.security_group_ids),
        "subnets": list(environment.subnet_ids),
        "tags": [{"Key": key, "Value": value} for key, value in sorted(environment.tags.items())],
        "volume_key": environment.volume_key_arn,
    }


def _at(request: Mapping[str, Any], path: str) -> Any:
    current: Any = request
    for part in path.split("."):
        current = current.get(part) if isinstance(current, dict) else None
    return current


def _set(request: Request, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for part in way:
        request = request.setdefault(part, {})
    request[last] = value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
