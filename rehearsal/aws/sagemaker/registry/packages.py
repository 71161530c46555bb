"""Model packages: registered by training, approved by people, put to work by Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.sagemaker import listing
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import AWSValidationException
from rehearsal.aws.sagemaker.registry import groups
from rehearsal.aws.sagemaker.registry.records import ModelPackage

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend

_NOT_DESCRIBED = {"Tags", "ClientToken", "ModelPackageGroupName", "ModelApprovalStatus"}


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer CreateModelPackage: the next version of a group, or a package with a name of its own.

    Raises
    ------
    AWSValidationException
        For both or neither of group and name, an unknown group, a name that exists.
    """
    group_name, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
    if bool(group_name) == bool(name):
        raise AWSValidationException("Provide either ModelPackageName or ModelPackageGroupName, and not both.")
    description = {k: v for k, v in request.items() if k not in _NOT_DESCRIBED}
    tags = request.get("Tags") or []
    if group_name:
        group = groups.find(context, backend, group_name)
        group.last_version += 1
        version = group.last_version
        arn = _arn(context, f"{group.model_package_group_name.lower()}/{version}")
        status = request.get("ModelApprovalStatus") or "PendingManualApproval"
        package = ModelPackage(arn, description, tags, group.model_package_group_name, version, status)
    else:
        arn = _arn(context, str(name).lower())
        if arn in backend.model_packages:
            raise AWSValidationException(f"Model Package already exists: {arn}")
        package = ModelPackage(arn, description, tags)
    backend.model_packages[arn] = package
    return {"ModelPackageArn": arn}


def find(context: Context, backend: SageMakerBackend, name_or_arn: str) -> ModelPackage:
    """Return a package by its ARN, or by its name where it is no version of a group."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else _arn(context, name_or_arn.lower())
    package = backend.model_packages.get(arn)
    if package is None:
        raise AWSValidationException(f"ModelPackage {arn} does not exist.")
    return package


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeModelPackage."""
    return find(context, backend, request["ModelPackageName"]).response_object


def update(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer UpdateModelPackage: what the request does not name stays as it is.

    Raises
    ------
    AWSValidationException
        For an unknown package.
    """
    package = find(context, backend, request["ModelPackageArn"])
    if request.get("ModelApprovalStatus"):
        package.model_approval_status = request["ModelApprovalStatus"]
    if request.get("ApprovalDescription") is not None:
        package.approval_description = request["ApprovalDescription"]
    properties = {
        **(package.request.get("CustomerMetadataProperties") or {}),
        **(request.get("CustomerMetadataProperties") or {}),
    }
    for name in request.get("CustomerMetadataPropertiesToRemove") or []:
        properties.pop(name, None)
    if properties or "CustomerMetadataProperties" in package.request:
        package.request["CustomerMetadataProperties"] = properties
    added = request.get("AdditionalInferenceSpecificationsToAdd")
    if added:
        package.request.setdefault("AdditionalInferenceSpecifications", []).extend(added)
    for member in (
        "InferenceSpecification",
        "SourceUri",
        "ModelCard",
        "ModelLifeCycle",
        "ModelPackageRegistrationType",
    ):
        if request.get(member) is not None:
            package.request[member] = request[member]
    package.last_modified_time = now()
    return {"ModelPackageArn": package.arn}


def delete(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteModelPackage. Models made from the package keep what they have."""
    del backend.model_packages[find(context, backend, request["ModelPackageName"]).arn]


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListModelPackages: versions of one group, or else packages of the asked type (Unversioned by default)."""
    group = request.get("ModelPackageGroupName")
    if group:
        group = groups.find(context, backend, group).model_package_group_name
    kind = "Versioned" if group else request.get("ModelPackageType") or "Unversioned"
    approval = request.get("ModelApprovalStatus")
    chosen = [
        package
        for package in backend.model_packages.values()
        if (kind == "Both" or (kind == "Versioned") == (package.model_package_version is not None))
        and (not group or package.model_package_group_name == group)
        and (not approval or package.model_approval_status == approval)
    ]
    page, token = listing.page(chosen, request, name=lambda package: package.model_package_name)
    answer: dict[str, Any] = {"ModelPackageSummaryList": [package.summary() for package in page]}
    return {**answer, "NextToken": token} if token else answer


def container(context: Context, backend: SageMakerBackend, name_or_arn: str) -> dict[str, Any]:
    """Return the container that a package describes, for a model made from it.

    Raises
    ------
    AWSValidationException
        For a package without a container, or one that is not approved.
    """
    package = find(context, backend, name_or_arn)
    if package.model_approval_status not in {None, "Approved"}:
        raise AWSValidationException(
            f"Model package {package.arn} is {package.model_approval_status}: approve it before it is deployed."
        )
    described = (package.request.get("InferenceSpecification") or {}).get("Containers") or []
    if not described:
        raise AWSValidationException(f"Model package {package.arn} has no InferenceSpecification with a container.")
    return described[0]


def _arn(context: Context, name: str) -> str:
    return arn_formatter("model-package", name, context.account_id, context.region)
