"""What an endpoint is and where it stands: plain data, so that it survives a restart of the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.clock import now

if TYPE_CHECKING:
    from datetime import datetime

    from rehearsal.aws.sagemaker.serving.spec import VariantSpec


@dataclass
class Deployment:
    """One configuration put to work: its name, its variants, its data capture."""

    config_name: str
    variants: list[VariantSpec]
    capture: dict[str, Any] | None = None

    def variant(self, name: str) -> VariantSpec | None:
        """Return a variant by its name."""
        return next((variant for variant in self.variants if variant.name == name), None)


@dataclass
class Endpoint:
    """One endpoint. ``live`` serves; ``pending`` is on its way to replace it."""

    endpoint_name: str
    arn: str
    tags: list[dict[str, str]]
    live: Deployment
    pending: Deployment | None = None
    pending_since: datetime | None = None
    endpoint_status: str = "Creating"
    failure_reason: str | None = None
    last_deployment_config: dict[str, Any] | None = None
    variant_status: str | None = None
    creation_time: datetime = field(default_factory=now)
    last_modified_time: datetime = field(default_factory=now)

    def enter(self, status: str, reason: str | None = None) -> None:
        """Go to a status. A reason stays until the next change that succeeds."""
        self.endpoint_status, self.last_modified_time = status, now()
        if reason is not None or status in {"InService", "Updating", "Creating"}:
            self.failure_reason = reason

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeEndpoint's answer."""
        answer = {
            "EndpointName": self.endpoint_name,
            "EndpointArn": self.arn,
            "EndpointConfigName": self.live.config_name,
            "ProductionVariants": self._variants(),
            "DataCaptureConfig": capture_summary(self.live.capture),
            "EndpointStatus": self.endpoint_status,
            "FailureReason": self.failure_reason,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "LastDeploymentConfig": self.last_deployment_config,
            "PendingDeploymentSummary": self._pending(),
        }
        return {name: value for name, value in answer.items() if value is not None}

    def gen_response_object(self) -> dict[str, Any]:
        """The same, under the name by which moto's Search asks."""
        return {**self.response_object, "Tags": self.tags}

    def summary(self) -> dict[str, Any]:
        """One line of ListEndpoints."""
        return {
            "EndpointName": self.endpoint_name,
            "EndpointArn": self.arn,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "EndpointStatus": self.endpoint_status,
        }

    def _variants(self) -> list[dict[str, Any]] | None:
        if self.endpoint_status in {"Creating", "Failed"}:
            return None  # AWS shows none before the first fleet serves
        return [variant.summary() for variant in self.live.variants]

    def _pending(self) -> dict[str, Any] | None:
        if self.pending is None:
            return None
        status = [{"Status": self.variant_status or "Creating", "StartTime": self.pending_since}]
        return {
            "EndpointConfigName": self.pending.config_name,
            "StartTime": self.pending_since,
            "ProductionVariants": [
                {**variant.summary(), "InstanceType": variant.instance_type, "VariantStatus": status}
                if variant.instance_type
                else {**variant.summary(), "VariantStatus": status}
                for variant in self.pending.variants
            ],
        }


def capture_summary(config: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return DescribeEndpoint's view of a DataCaptureConfig."""
    if not config:
        return None
    on = bool(config.get("EnableCapture"))
    summary = {
        "EnableCapture": on,
        "CaptureStatus": "Started" if on else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
    return {name: value for name, value in summary.items() if value != ""}
