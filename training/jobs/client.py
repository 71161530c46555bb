"""The thin edge to AWS: who asks, what is uploaded, what is sent."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import package, rules

if TYPE_CHECKING:
    from training.jobs.environment import Environment
    from training.workloads.description import Workload


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of boto3 that act for one person in one environment."""

    logs: Any
    s3: Any
    sagemaker: Any


def connect(environment: Environment) -> Clients:
    """Make clients with the caller's own credentials.

    Raises
    ------
    JobError
        There are none, or they belong to another account than the environment.
    """
    import boto3  # noqa: PLC0415  (half a second, which usage and mistakes need not wait for)
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    account = environment.role_arn.split(":")[4]
    remedy = f"sign in to account {account} ({environment.name}) first, such as with AWS_PROFILE=..."
    session = boto3.Session(region_name=environment.region)
    try:
        found = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise JobError("credentials", str(error), remedy) from None
    if found != account:
        raise JobError("account", found, remedy)
    return Clients(session.client("logs"), session.client("s3"), session.client("sagemaker"))


def code_uri(workload: Workload, environment: Environment, folder: Path) -> tuple[str, Path]:
    """Pack the training code into `folder`; returns the S3 URI at which its content belongs, and the archive."""
    archive = folder / "sourcedir.tar.gz"
    package.write(workload, archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    return f"{environment.code_uri}/{digest}/sourcedir.tar.gz", archive


def upload_code(workload: Workload, environment: Environment, s3: Any) -> str:
    """Pack the training code and put it where its content decides; returns the S3 URI."""
    with tempfile.TemporaryDirectory() as folder:
        uri, archive = code_uri(workload, environment, Path(folder))
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3.upload_file(str(archive), bucket, key)
    return uri


def send(sagemaker: Any, operation: str, request: dict[str, Any]) -> None:
    """Send a request, once more held against every rule: nothing else may go out.

    Raises
    ------
    JobError
        It breaks a rule, or AWS refuses it.
    """
    from botocore import xform_name  # noqa: PLC0415  (see `connect`)
    from botocore.exceptions import ClientError  # noqa: PLC0415

    rules.check(operation, request)
    try:
        getattr(sagemaker, xform_name(operation))(**request)
    except ClientError as error:
        told = error.response["Error"]
        remedies = {
            "ResourceInUse": "a job of that name is there already; name another, or wait a second",
            "ResourceLimitExceeded": "raise the quota in Service Quotas, or take another instance type",
            "AccessDeniedException": "`make explain ROLE=...` says what the role may do",
        }
        remedy = remedies.get(told["Code"], "see what AWS says")
        raise JobError(operation, f"{told['Code']}: {told['Message']}", remedy) from None
