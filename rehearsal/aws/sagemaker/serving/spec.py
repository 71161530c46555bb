"""What one variant runs, resolved from configuration, model and model package, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker import settings
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import FailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rehearsal.aws.sagemaker.serving.models import Model


@dataclass
class VariantSpec:
    """A variant of an endpoint and its present and wanted capacity."""

    name: str
    model_name: str
    image: str
    model_data_url: str | None
    environment: dict[str, str]
    role_arn: str
    isolated: bool
    instance_type: str | None
    serverless: dict[str, Any] | None
    start_seconds: float
    desired_count: int
    desired_weight: float
    vpc: dict[str, Any] = field(default_factory=dict)
    current_count: int = 0
    current_weight: float = 0.0
    resolved: datetime = field(default_factory=now)

    def summary(self) -> dict[str, Any]:
        """One entry of DescribeEndpoint's ``ProductionVariants``."""
        images = {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": self.resolved}
        answer: dict[str, Any] = {
            "VariantName": self.name,
            "DeployedImages": [images],
            "CurrentWeight": self.current_weight,
            "DesiredWeight": self.desired_weight,
            "CurrentInstanceCount": self.current_count,
            "DesiredInstanceCount": self.desired_count,
        }
        if self.serverless:
            answer |= {"CurrentServerlessConfig": self.serverless, "DesiredServerlessConfig": self.serverless}
        return answer


def resolve(
    variant: dict[str, Any], model: Model, package: Callable[[str], dict[str, Any]], isolated: bool = False
) -> VariantSpec:
    """Resolve one production variant.

    Parameters
    ----------
    package
        Returns the container of a model package, by its name or ARN.
    isolated
        Whether the endpoint configuration itself asks for network isolation.

    Raises
    ------
    FailedError
        For a model of several containers, which no single process can be.
    """
    if len(model.containers) != 1:
        raise FailedError(
            f"ClientError: model {model.model_name} has {len(model.containers)} containers; the embedded AWS runs one"
        )
    container = model.containers[0]
    if container.get("ModelPackageName"):
        container = _over(package(container["ModelPackageName"]), container)
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    timeout = variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or settings.START_SECONDS
    return VariantSpec(
        name=variant["VariantName"],
        model_name=model.model_name,
        image=container.get("Image", ""),
        model_data_url=container.get("ModelDataUrl") or source.get("S3Uri"),
        environment=dict(container.get("Environment") or {}),
        role_arn=model.request.get("ExecutionRoleArn", ""),
        isolated=isolated or bool(model.request.get("EnableNetworkIsolation")),
        instance_type=variant.get("InstanceType"),
        serverless=variant.get("ServerlessConfig"),
        start_seconds=min(timeout, settings.START_SECONDS),
        desired_count=variant.get("InitialInstanceCount") or 1,
        desired_weight=float(variant.get("InitialVariantWeight", 1.0)),
        vpc=dict(model.request.get("VpcConfig") or {}),
    )


def _over(packaged: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """Lay what the model says over what its package says."""
    own = {name: value for name, value in container.items() if value}
    environment = {**(packaged.get("Environment") or {}), **(container.get("Environment") or {})}
    return {**packaged, **own, "Environment": environment}
