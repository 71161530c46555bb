"""Jobs and models without one element of the envelope, and by whoever should make none at all."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from rehearsal.prove.forbidden.attempt import Attempt
from rehearsal.prove.forbidden.world import World

# The key itself, the member that holds it, and a value that loosens it: None leaves it out.
LOOSER: tuple[tuple[str, str, Any], ...] = (
    ("EnableNetworkIsolation", "", False),
    ("EnableNetworkIsolation", "", None),
    ("EnableInterContainerTrafficEncryption", "", False),
    ("EnableInterContainerTrafficEncryption", "", None),
    ("VpcConfig", "", None),
    ("KmsKeyId", "OutputDataConfig", None),
    ("VolumeKmsKeyId", "ResourceConfig", None),
)

OTHERWISE: tuple[tuple[str, str, Any], ...] = (
    ("SecurityGroupIds", "VpcConfig", ["sg-00000000000000000"]),
    ("Subnets", "VpcConfig", ["subnet-00000000000000000"]),
    ("InstanceType", "ResourceConfig", "ml.p4d.24xlarge"),
    ("MaxRuntimeInSeconds", "StoppingCondition", 2_419_200),
)
"""What the state machine writes as it should be, and an operator may write otherwise, in the same terms."""


def loosened_jobs(world: World) -> Iterator[Attempt]:
    """A request that may be sent, with one element missing, switched off or another; and one with a foreign role."""
    for role in world.of("operator"):
        neighbours = tuple((key, member, world.neighbour.key) for key, member, _ in LOOSER if key.endswith("KmsKeyId"))
        for number, (key, member, value) in enumerate((*OTHERWISE, *neighbours)):
            request = training_job(world, f"forbidden-other-{number}")
            request[member][key] = value
            yield Attempt("envelope", role, "sagemaker", "CreateTrainingJob", request)
    for role in world.of("retrain", "operator"):
        for number, (key, member, value) in enumerate(LOOSER):
            request = training_job(world, f"forbidden-{number}")
            holder = request[member] if member else request
            if value is None:
                del holder[key]
            else:
                holder[key] = value
            yield Attempt("envelope", role, "sagemaker", "CreateTrainingJob", request)
        for number, arn in enumerate((world.role_arn("endpoint"), world.role_arn("deploy"), world.neighbour.role)):
            request = training_job(world, f"forbidden-role-{number}") | {"RoleArn": arn}
            yield Attempt("handed-over role", role, "sagemaker", "CreateTrainingJob", request)


def loosened_models(world: World) -> Iterator[Attempt]:
    """A model with a network, or outside the VPC, by the pipeline that makes models."""
    for role in world.of("deploy"):
        for number, (key, value) in enumerate((("EnableNetworkIsolation", False), ("VpcConfig", None))):
            request = {**model(world, f"forbidden-{number}"), key: value}
            request = {name: held for name, held in request.items() if held is not None}
            yield Attempt("envelope", role, "sagemaker", "CreateModel", request)


def others_jobs(world: World) -> Iterator[Attempt]:
    """Jobs, models and endpoints with the whole envelope, by every role that has no business with them."""
    for role in world.roles:
        kind = world.kind(role)
        for makers, operation, request in (
            (("operator", "retrain"), "CreateTrainingJob", training_job(world, "forbidden")),
            # A search has a name of its own, and nobody may give it that of a training job.
            ((), "CreateHyperParameterTuningJob", _search(world)),
            ((), "CreateProcessingJob", _processing(world)),
            ((), "CreateTransformJob", _transform(world)),
            (("deploy",), "CreateModel", model(world, "forbidden")),
            (("deploy",), "CreateEndpointConfig", _endpoint_config(world)),
        ):
            if kind not in makers:
                yield Attempt("others' jobs", role, "sagemaker", operation, request)


def training_job(world: World, name: str) -> dict[str, Any]:
    """A training job with the whole envelope, as the retraining asks for it."""
    return deepcopy(
        {
            "TrainingJobName": f"{world.group}-{name}",
            "RoleArn": world.role_arn("training"),
            "AlgorithmSpecification": {"TrainingImage": _image(world, "training"), "TrainingInputMode": "File"},
            "OutputDataConfig": {
                "S3OutputPath": f"s3://{world.buckets['models']}/{world.workload}/artifacts/",
                "KmsKeyId": world.keys["model"],
            },
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 30,
                "VolumeKmsKeyId": world.keys["model"],
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "VpcConfig": _vpc(world),
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
        }
    )


def model(world: World, name: str) -> dict[str, Any]:
    """A model as the endpoint module makes it."""
    return {
        "ModelName": f"{world.group}-{name}",
        "ExecutionRoleArn": world.role_arn("endpoint"),
        "PrimaryContainer": {"Image": _image(world, "serving")},
        "EnableNetworkIsolation": True,
        "VpcConfig": _vpc(world),
    }


def _search(world: World) -> dict[str, Any]:
    definition = training_job(world, "forbidden")
    del definition["TrainingJobName"]
    return {
        "HyperParameterTuningJobName": "slipway-forbidden",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "test:loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"IntegerParameterRanges": [{"Name": "seed", "MinValue": "1", "MaxValue": "9"}]},
        },
        "TrainingJobDefinition": definition | {"StaticHyperParameters": {}, "InputDataConfig": _data(world)},
    }


def _data(world: World) -> list[dict[str, Any]]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{world.buckets['data']}/{world.workload}/dataset/train/"}
    return [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]


def _processing(world: World) -> dict[str, Any]:
    cluster = {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 30,
        "VolumeKmsKeyId": world.keys["model"],
    }
    return {
        "ProcessingJobName": f"{world.group}-forbidden",
        "RoleArn": world.role_arn("training"),
        "AppSpecification": {"ImageUri": _image(world, "training")},
        "ProcessingResources": {"ClusterConfig": cluster},
        "ProcessingOutputConfig": {"Outputs": [], "KmsKeyId": world.keys["model"]},
        "NetworkConfig": {
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": True,
            "VpcConfig": _vpc(world),
        },
    }


def _transform(world: World) -> dict[str, Any]:
    data = f"s3://{world.buckets['data']}/{world.workload}"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{data}/incoming/"}}
    return {
        "TransformJobName": f"{world.group}-forbidden",
        "ModelName": f"{world.group}-1",
        "TransformInput": {"DataSource": source},
        "TransformOutput": {"S3OutputPath": f"{data}/results/", "KmsKeyId": world.keys["data"]},
        "TransformResources": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeKmsKeyId": world.keys["model"],
        },
    }


def _endpoint_config(world: World) -> dict[str, Any]:
    variant = {"VariantName": "a", "ModelName": f"{world.group}-1", "InitialInstanceCount": 1}
    return {
        "EndpointConfigName": f"{world.group}-forbidden",
        "ProductionVariants": [{**variant, "InstanceType": "ml.m5.large"}],
        "KmsKeyId": world.keys["model"],
    }


def _image(world: World, purpose: str) -> str:
    repository = next((name for name in world.repositories if name.endswith(purpose)), world.repositories[0])
    registry = world.image.split("/", 1)[0]
    return f"{registry}/{repository}@sha256:{'0' * 64}"


def _vpc(world: World) -> dict[str, Any]:
    return {"Subnets": list(world.subnets), "SecurityGroupIds": [world.security_group]}
