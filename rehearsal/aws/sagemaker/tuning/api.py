"""CreateHyperParameterTuningJob and its siblings, on plain dictionaries."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.sagemaker import listing, roles
from rehearsal.aws.sagemaker.errors import AWSValidationException, ResourceInUseException, ResourceNotFound
from rehearsal.aws.sagemaker.tuning import request as rules
from rehearsal.aws.sagemaker.tuning import run, trials
from rehearsal.aws.sagemaker.tuning.job import TuningJob, summary

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend

_NAME = "HyperParameterTuningJobName"
_PAGE = 10
_RESTARTED = "InternalServerError: the embedded AWS was restarted while the tuning job ran; start it again."


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Start a tuning job and answer at once.

    Raises
    ------
    AWSValidationException, ResourceInUseException
        For a request that AWS would refuse, or that this one cannot carry out.
    """
    name = request[_NAME]
    arn = arn_formatter("hyper-parameter-tuning-job", name, context.account_id, context.region)
    if name in backend.hyper_parameter_tuning_jobs:
        raise ResourceInUseException(message=f"A tuning job with the name {name} already exists ({arn}).")
    rules.check(request)
    # It is the training jobs that act as the role: a trust policy names them.
    trial = arn_formatter("training-job", trials.name(name, 1), context.account_id, context.region)
    roles.require_assumable(context, request["TrainingJobDefinition"]["RoleArn"], trial)
    seed = request["HyperParameterTuningJobConfig"].get("RandomSeed")
    tags = request.get("Tags") or []
    kept = {member: value for member, value in request.items() if member != "Tags"}
    job = TuningJob(name, arn, kept, tags, secrets.randbits(31) if seed is None else seed)
    backend.hyper_parameter_tuning_jobs[name] = job
    run.start(context, backend, job)
    return {"HyperParameterTuningJobArn": arn}


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeHyperParameterTuningJob."""
    return _known(backend, request).response_object


def stop(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer StopHyperParameterTuningJob: no trial is begun any more, and those that run are stopped.

    Raises
    ------
    ResourceNotFound, AWSValidationException
        For an unknown tuning job, and for one that has ended.
    """
    job = _known(backend, request)
    if job.ended:
        raise AWSValidationException(f"The request was rejected because the tuning job is in status {job.status}.")
    if job.status != "Stopping":
        job.enter("Stopping")
        run.stop(job.name)


def delete(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteHyperParameterTuningJob; its training jobs stay."""
    job = _known(backend, request)
    if not job.ended:
        raise ResourceInUseException(message=f"The tuning job is in status {job.status} and cannot be deleted.")
    del backend.hyper_parameter_tuning_jobs[job.name]


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListHyperParameterTuningJobs."""
    status = request.get("StatusEquals")
    chosen = [job for job in backend.hyper_parameter_tuning_jobs.values() if status in (None, job.status)]
    page, token = listing.page(
        chosen, request, name=lambda job: job.name, status=lambda job: job.status, by="Name", size=_PAGE
    )
    answer: dict[str, Any] = {"HyperParameterTuningJobSummaries": [job.summary() for job in page]}
    return {**answer, "NextToken": token} if token else answer


def list_trials(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListTrainingJobsForHyperParameterTuningJob."""
    tuning, status = _known(backend, request), request.get("StatusEquals")
    chosen = [trial for trial in tuning.trials if status in (None, trial.job.training_job_status)]
    if request.get("SortBy") == "FinalObjectiveMetricValue":
        chosen = [trial for trial in chosen if trial.job.objective_values]
    by_job = {trial.job.training_job_name: trial for trial in chosen}
    page, token = listing.page(
        [trial.job for trial in chosen],
        request,
        name=lambda job: job.training_job_name,
        status=lambda job: job.training_job_status,
        by="Name",
        size=_PAGE,
        more={"FinalObjectiveMetricValue": lambda job: job.objective_values[-1]},
    )
    lines = [summary(tuning, by_job[job.training_job_name]) for job in page]
    answer: dict[str, Any] = {"TrainingJobSummaries": lines}
    return {**answer, "NextToken": token} if token else answer


def after_restore(backend: SageMakerBackend) -> None:
    """End the tuning jobs that the restart of the server cut off."""
    for job in backend.hyper_parameter_tuning_jobs.values():
        if not job.ended:
            job.enter("Failed", _RESTARTED)


def _known(backend: SageMakerBackend, request: dict[str, Any]) -> TuningJob:
    job = backend.hyper_parameter_tuning_jobs.get(request[_NAME])
    if job is None:
        raise ResourceNotFound(message="Requested resource not found.")
    return job
