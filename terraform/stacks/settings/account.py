"""Settings of the account around the workloads: state, keys, roles, logs, alerts, and what may be loosened."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from terraform.stacks.settings.base import (
    BucketName,
    Email,
    Name,
    PersonArn,
    PolicyArn,
    Reason,
    Region,
    RoleArn,
    Strict,
)
from terraform.stacks.settings.errors import RefusedValueError


class Boundary(Strict):
    """The permissions boundary of every role, made by the bootstrap: a pipeline that makes its own ceiling has none."""

    arn: PolicyArn


class S3State(Strict):
    """Where Terraform keeps its state. Encryption and the lock file are always on, so neither is a setting."""

    bucket: BucketName
    key: Annotated[str, Field(min_length=1)]
    region: Region
    kms_key_id: Annotated[str, Field(min_length=1)]


class State(Strict):
    """The Terraform backend: a bucket for the environments people share, a local file for a rehearsal."""

    s3: S3State | None = None
    local: bool = False

    @model_validator(mode="after")
    def _one(self) -> State:
        if self.local == (self.s3 is not None):
            raise RefusedValueError("either 's3' or 'local: true'", "keep exactly one of the two")
        return self


class Keys(Strict):
    """Customer-managed keys. The window is the time in which a deleted key can still be rescued."""

    deletion_window_days: Annotated[int, Field(ge=7, le=30)] = 30


class Logs(Strict):
    """Log groups. The retention is one of the values CloudWatch Logs accepts."""

    retention_days: int = 365

    @model_validator(mode="after")
    def _accepted(self) -> Logs:
        if self.retention_days not in LOG_RETENTIONS:
            listed = ", ".join(str(days) for days in LOG_RETENTIONS)
            raise RefusedValueError(f"a retention CloudWatch Logs accepts ({listed})", "choose the next longer one")
        return self


# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


class Alerts(Strict):
    """Who is told when an alarm fires."""

    emails: tuple[Email, ...] = ()


class OutsideAccess(Strict):
    """Roles that may use the buckets without passing through the VPC endpoint, and why."""

    name: Name
    principal_arns: Annotated[tuple[RoleArn, ...], Field(min_length=1)]
    reason: Reason


class People(Strict):
    """Who may work as operator and who as approver: the identities that they sign in with, named one by one."""

    operators: tuple[PersonArn, ...] = ()
    approvers: tuple[PersonArn, ...] = ()


class Loosened(Strict):
    """Safe defaults that this environment gives up. Each key takes the reason; a key without need is refused."""

    deletion_window: Reason | None = None
    force_destroy: Reason | None = None
    instance_types: Reason | None = None
    log_retention: Reason | None = None
    no_alert_emails: Reason | None = None
    single_endpoint_zone: Reason | None = None
