"""What the registry holds, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.clock import now

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class ModelPackageGroup:
    """One group. ``last_version`` grows only: a version is never given twice."""

    model_package_group_name: str
    arn: str
    description: str | None
    tags: list[dict[str, str]]
    last_version: int = 0
    policy: str | None = None
    creation_time: datetime = field(default_factory=now)

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeModelPackageGroup's answer, and one line of ListModelPackageGroups."""
        answer: dict[str, Any] = {
            "ModelPackageGroupName": self.model_package_group_name,
            "ModelPackageGroupArn": self.arn,
            "ModelPackageGroupDescription": self.description,
            "CreationTime": self.creation_time,
            "ModelPackageGroupStatus": "Completed",
            "CreatedBy": {},
        }
        return {name: value for name, value in answer.items() if value is not None}

    def gen_response_object(self) -> dict[str, Any]:
        """The same, under the name by which moto's Search asks."""
        return {**self.response_object, "Tags": self.tags}


@dataclass
class ModelPackage:
    """One package: a version of a group, or a name of its own. ``request`` is what describes it."""

    arn: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    model_package_group_name: str | None = None
    model_package_version: int | None = None
    model_approval_status: str | None = None
    approval_description: str | None = None
    creation_time: datetime = field(default_factory=now)
    last_modified_time: datetime | None = None

    @property
    def model_package_name(self) -> str:
        """The name by which an unversioned package is known; a version goes by its group."""
        return self.model_package_group_name or self.request["ModelPackageName"]

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeModelPackage's answer."""
        answer = {
            **self.request,
            **self.summary(),
            "ModelPackageStatusDetails": {
                "ValidationStatuses": [],
                "ImageScanStatuses": [{"Name": self.arn, "Status": "NotStarted"}],
            },
            "CertifyForMarketplace": bool(self.request.get("CertifyForMarketplace")),
            "ApprovalDescription": self.approval_description,
            "LastModifiedTime": self.last_modified_time,
            "CreatedBy": {},
        }
        return {name: value for name, value in answer.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """One line of ListModelPackages."""
        answer = {
            "ModelPackageName": self.request.get("ModelPackageName"),
            "ModelPackageGroupName": self.model_package_group_name,
            "ModelPackageVersion": self.model_package_version,
            "ModelPackageArn": self.arn,
            "ModelPackageDescription": self.request.get("ModelPackageDescription"),
            "CreationTime": self.creation_time,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": self.model_approval_status,
            "ModelLifeCycle": self.request.get("ModelLifeCycle"),
            "ModelPackageRegistrationType": self.request.get("ModelPackageRegistrationType"),
        }
        return {name: value for name, value in answer.items() if value is not None}

    def gen_response_object(self) -> dict[str, Any]:
        """The same, under the name by which moto's Search asks."""
        return {**self.response_object, "Tags": self.tags}
