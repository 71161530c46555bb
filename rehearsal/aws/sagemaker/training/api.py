"""CreateTrainingJob, StopTrainingJob and their siblings, on plain dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.sagemaker import listing, roles
from rehearsal.aws.sagemaker.errors import AWSValidationException, ResourceInUseException, ResourceNotFound
from rehearsal.aws.sagemaker.training import request as rules
from rehearsal.aws.sagemaker.training import run, warm
from rehearsal.aws.sagemaker.training.job import TrainingJob

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Start a job and answer at once.

    Raises
    ------
    AWSValidationException, ResourceInUseException
        For a request that AWS would refuse.
    """
    name = request["TrainingJobName"]
    arn = _arn(context, name)
    if name in backend.training_jobs:
        raise ResourceInUseException(
            message="Training job names must be unique within an AWS account and region, and a training job with this "
            f"name already exists ({arn})"
        )
    rules.check(request)
    roles.require_assumable(context, request["RoleArn"], arn)
    begin(context, backend, {k: v for k, v in request.items() if k != "Tags"}, request.get("Tags") or [])
    return {"TrainingJobArn": arn}


def begin(
    context: Context,
    backend: SageMakerBackend,
    request: dict[str, Any],
    tags: list[dict[str, str]],
    *,
    tuning: str | None = None,
) -> TrainingJob:
    """Start a job that has been checked; ``tuning`` is the ARN of the tuning job whose trial it is."""
    name = request["TrainingJobName"]
    job = TrainingJob(name, _arn(context, name), request, tags, tuning_job_arn=tuning)
    backend.training_jobs[name] = job
    warm.claim(list(backend.training_jobs.values()), job)
    run.start(context, job)
    return job


def update(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer UpdateTrainingJob: how long a warm pool is kept, 0 ends it.

    Raises
    ------
    ResourceNotFound, AWSValidationException
        For an unknown job, a job without a warm pool, and what cannot be updated here.
    """
    job = backend.training_jobs.get(request["TrainingJobName"])
    if job is None:
        raise ResourceNotFound(message="Requested resource not found.")
    other = sorted(set(request) - {"TrainingJobName", "ResourceConfig"})
    if other:
        raise AWSValidationException(f"{', '.join(other)} cannot be updated: the embedded AWS has warm pools only.")
    pool = (warm.status(job) or {}).get("Status")
    if "ResourceConfig" in request and pool not in ("Available", "InUse"):
        raise AWSValidationException(
            f"The warm pool of training job {job.training_job_name} is {pool or 'not there'} and cannot be updated."
        )
    job.request["ResourceConfig"] = {**job.request["ResourceConfig"], **(request.get("ResourceConfig") or {})}
    return {"TrainingJobArn": job.arn}


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeTrainingJob."""
    job = backend.training_jobs.get(request["TrainingJobName"])
    if job is None:
        raise AWSValidationException("Requested resource not found.")
    return job.response_object


def stop(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer StopTrainingJob; the job goes on to Stopped in the background.

    Raises
    ------
    ResourceNotFound, AWSValidationException
        For an unknown job, and for one that has ended.
    """
    job = backend.training_jobs.get(request["TrainingJobName"])
    if job is None:
        raise ResourceNotFound(message="Requested resource not found.")
    if job.ended:
        raise AWSValidationException(
            f"The request was rejected because the training job is in status {job.training_job_status}."
        )
    end_early(job)


def end_early(job: TrainingJob) -> None:
    """Ask a job to stop; nothing happens where it has ended or has been asked before."""
    if job.training_job_status == "InProgress":
        job.enter("Stopping")
        run.stop(job.training_job_name)


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListTrainingJobs."""
    status, pool = request.get("StatusEquals"), request.get("WarmPoolStatusEquals")
    chosen = [
        job
        for job in backend.training_jobs.values()
        if status in (None, job.training_job_status) and pool in (None, (warm.status(job) or {}).get("Status"))
    ]
    page, token = listing.page(
        chosen,
        request,
        name=lambda job: job.training_job_name,
        status=lambda job: job.training_job_status,
    )
    answer: dict[str, Any] = {"TrainingJobSummaries": [job.summary() for job in page]}
    return {**answer, "NextToken": token} if token else answer


def delete(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteTrainingJob: only a job that has ended can go."""
    job = backend.training_jobs.get(request["TrainingJobName"])
    if job is None:
        raise ResourceNotFound(message="Requested resource not found.")
    if not job.ended:
        raise ResourceInUseException(
            message=f"The training job is in status {job.training_job_status} and cannot be deleted."
        )
    del backend.training_jobs[job.training_job_name]


def after_restore(backend: SageMakerBackend) -> None:
    """End the jobs that the restart of the server cut off."""
    for job in backend.training_jobs.values():
        if not job.ended:
            job.fail("InternalServerError: the embedded AWS was restarted while the job ran; start it again.")


def _arn(context: Context, name: str) -> str:
    return arn_formatter("training-job", name, context.account_id, context.region)
