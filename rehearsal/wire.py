"""What of a job's envelope arrived at the embedded AWS, and what of a tuning job's each trial was given."""

from __future__ import annotations

from typing import Any

from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from training.jobs import envelope, training, tuning
from training.jobs.environment import OUTPUT


def tuning_jobs(run: Run, workload: str) -> set[str]:
    """Names of the workload's tuning jobs."""
    prefix = run.data("apply")["outputs"][OUTPUT][workload]["tuning_name_prefix"]
    pages = actor(run, "owner").client("sagemaker").get_paginator("list_hyper_parameter_tuning_jobs").paginate()
    names = (one["HyperParameterTuningJobName"] for page in pages for one in page["HyperParameterTuningJobSummaries"])
    return {name for name in names if name.startswith(prefix)}


def received(run: Run, name: str) -> dict[str, Any]:
    """What a tuning job and its trials hold of the envelope; RehearsalError naming what is missing.

    ``fields`` is what arrived by path, ``trials`` counts the trials whose own request holds all of it.
    """
    sagemaker = actor(run, "owner").client("sagemaker")
    described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    request = described | _tags(sagemaker, described["HyperParameterTuningJobArn"])
    _demand(tuning.OPERATION, name, request)
    asked = {"HyperParameterTuningJobName": name, "MaxResults": 100}
    trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(**asked)["TrainingJobSummaries"]
    for trial in trials:
        job(run, trial["TrainingJobName"])
    return {"name": name, "fields": envelope.held(tuning.OPERATION, request), "trials": len(trials)}


def job(run: Run, name: str) -> dict[str, Any]:
    """What a training job holds of the envelope, by path; RehearsalError naming what is missing."""
    sagemaker = actor(run, "owner").client("sagemaker")
    described = sagemaker.describe_training_job(TrainingJobName=name)
    request = described | _tags(sagemaker, described["TrainingJobArn"])
    _demand(training.OPERATION, name, request)
    return envelope.held(training.OPERATION, request)


def told(found: dict[str, Any]) -> str:
    """Say it to a person, a line per field."""
    width = max(map(len, found["fields"]))
    head = f"envelope of {found['name']} as it arrived: {len(found['fields'])} of {len(_places())} fields"
    lines = [f"  {path:<{width}}  {_short(value)}" for path, value in found["fields"].items()]
    return "\n".join([f"{head}, and the same in each of {found['trials']} trials", *lines])


def _places() -> Any:
    return envelope.PLACES[tuning.OPERATION]


def _demand(operation: str, name: str, request: dict[str, Any]) -> None:
    if missing := envelope.holes(operation, request):
        raise RehearsalError(f"{name} arrived without {', '.join(missing)}: its request was not built by training.jobs")


def _tags(sagemaker: Any, arn: str) -> dict[str, Any]:
    return {"Tags": sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{one['Key']}={one['Value']}" if isinstance(one, dict) else str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
