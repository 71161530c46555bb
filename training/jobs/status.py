"""Recent jobs of a workload, and the end of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import cost, search, show
from training.jobs.follow import ENDED

if TYPE_CHECKING:
    from training.jobs.client import Clients
    from training.jobs.environment import Environment
    from training.jobs.show import Screen

Row = tuple[str, ...]


def recent(clients: Clients, environment: Environment, metrics: list[str], screen: Screen, limit: int) -> int:
    """Print the most recent training and tuning jobs, the newest first; returns how many there are.

    Parameters
    ----------
    metrics
        Names of metrics that get a column.
    """
    jobs = [_training_row(environment, one, metrics) for one in _training_jobs(clients, environment, limit)]
    searches = [_tuning_row(one, metrics) for one in _tuning_jobs(clients, environment, limit)]
    rows = sorted([*jobs, *searches], key=lambda row: row[1], reverse=True)[:limit]
    if not rows:
        screen.print(f"no job of {environment.workload} in {environment.name} yet: make train ENV={environment.name}")
        return 0
    head = ("job", "begun (UTC)", "status", "time", *metrics, "cost")
    screen.table(head, rows, right=range(3, len(head)))
    return len(rows)


def stop(clients: Clients, environment: Environment, name: str, screen: Screen) -> None:
    """Stop a training or tuning job; JobError when it is none of this workload, or has ended."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  (slow to import; usage need not wait for it)

    tuning = name.startswith(environment.tuning_name_prefix)
    if not tuning and not name.startswith(environment.job_name_prefix):
        remedy = f"is no job of {environment.workload} in {environment.name}; `make status` lists them"
        raise JobError("JOB", name, remedy)
    try:
        if tuning and not search.is_trial(name):
            clients.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        else:
            clients.sagemaker.stop_training_job(TrainingJobName=name)
    except ClientError as error:
        told = error.response["Error"]
        raise JobError("JOB", name, f"{told['Code']}: {told['Message']}") from None
    screen.print(f"{name} is being stopped; what it has saved so far is kept")


def _training_jobs(clients: Clients, environment: Environment, limit: int) -> list[dict[str, Any]]:
    asked = {"NameContains": environment.job_name_prefix, "SortBy": "CreationTime", "SortOrder": "Descending"}
    found = clients.sagemaker.list_training_jobs(**asked, MaxResults=limit)["TrainingJobSummaries"]
    names = [one["TrainingJobName"] for one in found if one["TrainingJobName"].startswith(environment.job_name_prefix)]
    return [clients.sagemaker.describe_training_job(TrainingJobName=name) for name in names]


def _tuning_jobs(clients: Clients, environment: Environment, limit: int) -> list[dict[str, Any]]:
    asked = {"NameContains": environment.tuning_name_prefix, "SortBy": "CreationTime", "SortOrder": "Descending"}
    page = clients.sagemaker.list_hyper_parameter_tuning_jobs(**asked, MaxResults=limit)
    names = [one["HyperParameterTuningJobName"] for one in page["HyperParameterTuningJobSummaries"]]
    return [
        search.describe(clients.sagemaker, name) for name in names if name.startswith(environment.tuning_name_prefix)
    ]


def _training_row(environment: Environment, job: dict[str, Any], metrics: list[str]) -> Row:
    one = cost.price(environment.region, job["ResourceConfig"].get("InstanceType", ""))
    final = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    paid = cost.spent(job, one)
    status = job["TrainingJobStatus"]
    return (
        job["TrainingJobName"],
        _moment(job["CreationTime"]),
        status if status in ENDED else f"{status} ({job.get('SecondaryStatus', '')})",
        show.length(job.get("TrainingTimeInSeconds") or 0),
        *(show.number(final[name]) if name in final else "-" for name in metrics),
        "-" if paid is None else cost.usd(paid),
    )


def _tuning_row(job: dict[str, Any], metrics: list[str]) -> Row:
    best = job.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
    counted = job.get("TrainingJobStatusCounters", {})
    most = job["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    begun, end = job["CreationTime"], job.get("HyperParameterTuningEndTime") or datetime.now(UTC)
    return (
        job["HyperParameterTuningJobName"],
        _moment(begun),
        f"{job['HyperParameterTuningJobStatus']} ({counted.get('Completed', 0)} of {most} trials)",
        show.length((end - begun).total_seconds()),
        *(show.number(best["Value"]) if best.get("MetricName") == name else "-" for name in metrics),
        "-",
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
