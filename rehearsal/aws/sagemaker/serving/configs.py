"""Endpoint configurations: which models, on how many instances, with which share of the traffic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.sagemaker import listing
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import AWSValidationException
from rehearsal.aws.sagemaker.serving import models

if TYPE_CHECKING:
    from datetime import datetime

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend


@dataclass
class EndpointConfig:
    """One endpoint configuration. ``request`` is CreateEndpointConfig's input without its tags."""

    endpoint_config_name: str
    arn: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    creation_time: datetime = field(default_factory=now)

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeEndpointConfig's answer."""
        return {
            "EnableNetworkIsolation": False,
            **self.request,
            "EndpointConfigArn": self.arn,
            "CreationTime": self.creation_time,
        }


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer CreateEndpointConfig.

    Raises
    ------
    AWSValidationException
        For a name that exists, a variant named twice, an unknown model, a variant without capacity.
    """
    name = request["EndpointConfigName"]
    arn = arn_formatter("endpoint-config", name, context.account_id, context.region)
    if name in backend.endpoint_configs:
        raise AWSValidationException(f'Cannot create already existing endpoint configuration "{arn}".')
    seen: set[str] = set()
    for variant in request["ProductionVariants"]:
        if variant["VariantName"] in seen:
            raise AWSValidationException(f'The variant name "{variant["VariantName"]}" was non-unique.')
        seen.add(variant["VariantName"])
        models.find(context, backend, variant.get("ModelName") or "")
        _require_capacity(variant)
        variant.setdefault("InitialVariantWeight", 1.0)
    tags = request.get("Tags") or []
    backend.endpoint_configs[name] = EndpointConfig(name, arn, {k: v for k, v in request.items() if k != "Tags"}, tags)
    return {"EndpointConfigArn": arn}


def find(context: Context, backend: SageMakerBackend, name: str) -> EndpointConfig:
    """Return a configuration or raise what DescribeEndpointConfig answers for an unknown one."""
    config = backend.endpoint_configs.get(name)
    if config is None:
        arn = arn_formatter("endpoint-config", name, context.account_id, context.region)
        raise AWSValidationException(f'Could not find endpoint configuration "{arn}".')
    return config


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeEndpointConfig."""
    return find(context, backend, request["EndpointConfigName"]).response_object


def delete(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteEndpointConfig. An endpoint that uses it goes on, as on AWS."""
    del backend.endpoint_configs[find(context, backend, request["EndpointConfigName"]).endpoint_config_name]


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListEndpointConfigs."""
    page, token = listing.page(
        backend.endpoint_configs.values(), request, name=lambda c: c.endpoint_config_name, order="Descending"
    )
    lines = [
        {"EndpointConfigName": c.endpoint_config_name, "EndpointConfigArn": c.arn, "CreationTime": c.creation_time}
        for c in page
    ]
    return {"EndpointConfigs": lines, "NextToken": token} if token else {"EndpointConfigs": lines}


def _require_capacity(variant: dict[str, Any]) -> None:
    if variant.get("ServerlessConfig"):
        if variant.get("InstanceType") or variant.get("InitialInstanceCount"):
            raise AWSValidationException(
                f"Variant {variant['VariantName']} has both ServerlessConfig and instances: choose one."
            )
    elif not variant.get("InstanceType") or not variant.get("InitialInstanceCount"):
        raise AWSValidationException(
            f"Variant {variant['VariantName']} needs InstanceType and InitialInstanceCount, or ServerlessConfig."
        )
