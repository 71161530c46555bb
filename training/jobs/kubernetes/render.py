"""A request to SageMaker -> the custom resource with which ACK's controller sends the same request.

The shapes come from botocore's model of the API, so that the two cannot drift apart; what the API has and the
controller has not is refused here, because a cluster would drop it or refuse the whole resource.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.validate import ParamValidator

from training.errors import SpecError
from training.jobs.kubernetes import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import ServiceModel, Shape

API_VERSION = "sagemaker.services.k8s.aws/v1alpha1"
KINDS = ("Model", "EndpointConfig", "Endpoint", "TrainingJob", "HyperParameterTuningJob")
"""Kinds of resource, in the order in which they depend on each other."""

# By botocore's shape: members that the controller's resources lack, as of the release that
# tests/unit/ack_crds.json was taken from. A test recomputes this table.
ABSENT: dict[str, frozenset[str]] = {
    "AlgorithmSpecification": frozenset({"ContainerArguments", "ContainerEntrypoint", "TrainingImageConfig"}),
    "ContainerDefinition": frozenset({"AdditionalModelDataSources", "ContainerMetricsConfig"}),
    "CreateEndpointConfigInput": frozenset(
        {"CrossRegionTrafficConfig", "ExplainerConfig", "MetricsConfig", "ShadowProductionVariants"}
    ),
    "CreateTrainingJobRequest": frozenset(
        {"MlflowConfig", "ModelPackageConfig", "ServerlessJobConfig", "SessionChainingConfig"}
    ),
    "DataSource": frozenset({"DatasetSource"}),
    "ExperimentConfig": frozenset({"RunName"}),
    "HyperParameterTrainingJobDefinition": frozenset({"Environment", "HyperParameterTuningResourceConfig"}),
    "HyperParameterTuningJobConfig": frozenset({"RandomSeed", "StrategyConfig"}),
    "ProductionVariant": frozenset(
        {
            *("AcceleratorPartitionLayouts", "InferenceAmiVersion", "InstancePools"),
            "VariantInstanceProvisionTimeoutInSeconds",
        }
    ),
    "ProductionVariantManagedInstanceScaling": frozenset({"ScaleInPolicy"}),
    "ProductionVariantRoutingConfig": frozenset({"PrefixAwareRoutingConfig"}),
    "ProfilerConfig": frozenset({"DisableProfiler"}),
    "ResourceConfig": frozenset(
        {"InstancePreferences", "SelectedInstanceCount", "SelectedInstanceType", "TrainingPlanArn"}
    ),
    "ResourceLimits": frozenset({"MaxRuntimeInSeconds"}),
    "S3ModelDataSource": frozenset({"ETag", "HubAccessConfig", "ManifestEtag", "ManifestS3Uri"}),
    "TuningJobCompletionCriteria": frozenset({"BestObjectiveNotImproving", "ConvergenceDetected"}),
}


def manifest(kind: str, request: Mapping[str, Any], *, namespace: str, region: str, keep: bool) -> dict[str, Any]:
    """One resource of the cluster.

    Parameters
    ----------
    kind
        One of `KINDS`.
    request
        What `boto3.client("sagemaker").create_...` would be called with.
    namespace, region
        Where the resource stands in the cluster, and where SageMaker acts on it.
    keep
        Whether deleting the resource leaves what it stands for on AWS. Otherwise a job is stopped, all else deleted.
        https://aws-controllers-k8s.github.io/docs/guides/deletion-policy

    Raises
    ------
    SpecError
        SageMaker's API would not take the request, or the controller has no field for a part of it.
    """
    shape = operation_input(kind)
    if report := ParamValidator().validate(dict(request), shape).generate_report():
        raise SpecError(kind, sorted(request), f"is not a request that SageMaker takes: {' '.join(report.split())}")
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": names.resource(request[f"{kind}Name"]),
            "namespace": names.namespace(namespace),
            "annotations": {
                "services.k8s.aws/region": region,
                "services.k8s.aws/deletion-policy": "retain" if keep else "delete",
            },
        },
        "spec": _rendered(request, shape, kind),
    }


def operation_input(kind: str) -> Shape:
    """Shape of the request that creates what a resource stands for.

    Raises
    ------
    SpecError
        There is no such kind here.
    """
    if kind not in KINDS:
        raise SpecError("kind", kind, f"must be one of {', '.join(KINDS)}")
    return _model().operation_model(f"Create{kind}").input_shape


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


def _rendered(value: Any, shape: Shape, where: str) -> Any:
    if shape.type_name == "structure":
        for member in value:
            if member in ABSENT.get(shape.name, ()):
                remedy = "ACK's controller has no field for it: leave it out, or send this request without Kubernetes"
                raise SpecError(f"{where}.{member}", value[member], remedy)
        return {
            names.field(member): _rendered(value[member], inner, f"{where}.{member}")
            for member, inner in shape.members.items()
            if member in value
        }
    if shape.type_name == "list":
        return [_rendered(item, shape.member, f"{where}[{index}]") for index, item in enumerate(value)]
    if shape.type_name == "map":
        return {key: _rendered(item, shape.value, f"{where}.{key}") for key, item in value.items()}
    return value
