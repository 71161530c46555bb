"""Model package groups and who may use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.sagemaker import listing
from rehearsal.aws.sagemaker.errors import AWSValidationException, ConflictException
from rehearsal.aws.sagemaker.registry.records import ModelPackageGroup

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer CreateModelPackageGroup."""
    name = request["ModelPackageGroupName"]
    arn = _arn(context, name)
    if name in backend.model_package_groups:
        raise AWSValidationException(f"Model Package Group already exists: {arn}")
    description, tags = request.get("ModelPackageGroupDescription"), request.get("Tags") or []
    backend.model_package_groups[name] = ModelPackageGroup(name, arn, description, tags)
    return {"ModelPackageGroupArn": arn}


def find(context: Context, backend: SageMakerBackend, name_or_arn: str) -> ModelPackageGroup:
    """Return a group by name or ARN, or raise what DescribeModelPackageGroup answers for an unknown one."""
    name = name_or_arn.rsplit("/", 1)[-1]
    group = backend.model_package_groups.get(name)
    if group is None:
        raise AWSValidationException(f"ModelPackageGroup {_arn(context, name)} does not exist.")
    return group


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeModelPackageGroup."""
    return find(context, backend, request["ModelPackageGroupName"]).response_object


def delete(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteModelPackageGroup.

    Raises
    ------
    ConflictException
        While the group holds versions: they must be deleted first.
    """
    group = find(context, backend, request["ModelPackageGroupName"])
    name = group.model_package_group_name
    held = [p for p in backend.model_packages.values() if p.model_package_group_name == name]
    if held:
        raise ConflictException(
            f"Model Package Group {group.arn} cannot be deleted because it contains {len(held)} Model Package(s): "
            "delete them first."
        )
    del backend.model_package_groups[name]


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListModelPackageGroups."""
    page, token = listing.page(
        backend.model_package_groups.values(), request, name=lambda group: group.model_package_group_name
    )
    answer: dict[str, Any] = {"ModelPackageGroupSummaryList": [group.response_object for group in page]}
    return {**answer, "NextToken": token} if token else answer


def put_policy(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer PutModelPackageGroupPolicy."""
    group = find(context, backend, request["ModelPackageGroupName"])
    try:
        json.loads(request["ResourcePolicy"])
    except ValueError as error:
        raise AWSValidationException(f"ResourcePolicy is not valid JSON: {error}") from error
    group.policy = request["ResourcePolicy"]
    return {"ModelPackageGroupArn": group.arn}


def get_policy(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer GetModelPackageGroupPolicy."""
    group = find(context, backend, request["ModelPackageGroupName"])
    if group.policy is None:
        raise AWSValidationException(f"Cannot find Model Package Group Policy: {group.arn}")
    return {"ResourcePolicy": group.policy}


def delete_policy(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteModelPackageGroupPolicy."""
    find(context, backend, request["ModelPackageGroupName"]).policy = None


def _arn(context: Context, name: str) -> str:
    return arn_formatter("model-package-group", name, context.account_id, context.region)
