"""CreateProcessingJob and its siblings, on plain dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker import jobs, roles
from rehearsal.aws.sagemaker.processing import request as rules
from rehearsal.aws.sagemaker.processing import run

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend

KIND = jobs.Kind("Processing", "processing")


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Start a job and answer at once.

    Raises
    ------
    AWSValidationException, ResourceInUseException
        For a request that AWS would refuse, or that this one cannot carry out.
    """
    name = request["ProcessingJobName"]
    arn = jobs.arn(context, KIND, name)
    jobs.require_new(backend.processing_jobs, KIND, request, arn)
    rules.check(request)
    roles.require_assumable(context, request["RoleArn"], arn)
    kept = {member: value for member, value in request.items() if member != "Tags"}
    job = jobs.Job(KIND, name, arn, kept, request["RoleArn"], request.get("Tags") or [])
    backend.processing_jobs[name] = job
    jobs.start(context, job, run.work)
    return {"ProcessingJobArn": arn}


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeProcessingJob."""
    return jobs.find(backend.processing_jobs, KIND, request).response_object


def stop(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer StopProcessingJob."""
    jobs.stop(backend.processing_jobs, KIND, request)


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListProcessingJobs."""
    return jobs.list_all(backend.processing_jobs, KIND, request)
