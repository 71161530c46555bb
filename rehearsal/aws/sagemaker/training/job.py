"""What a training job is and where it stands: plain data, so that it survives a restart of the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.training import warm

if TYPE_CHECKING:
    from datetime import datetime

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "Training job interrupted: the managed spot capacity was taken away",
}
_SWITCHES = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")
_STATUS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
}


@dataclass
class TrainingJob:
    """One training job. ``request`` is CreateTrainingJob's input without its tags."""

    training_job_name: str
    arn: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    creation_time: datetime = field(default_factory=now)
    last_modified_time: datetime = field(default_factory=now)
    training_start_time: datetime | None = None
    training_end_time: datetime | None = None
    training_job_status: str = "InProgress"
    secondary_status: str = "Starting"
    failure_reason: str | None = None
    model_artifacts: dict[str, str] | None = None
    transitions: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    tuning_job_arn: str | None = None
    objective_values: list[float] = field(default_factory=list)
    """Every value of the metric that a tuning job watches, in the order of the log."""
    in_pool: bool = False
    """Whether its instances come from a warm pool."""
    reused_by: str | None = None
    """The job that has got its warm pool."""
    reused_at: datetime | None = None

    def __post_init__(self) -> None:
        self.enter(self.secondary_status)

    @property
    def role_arn(self) -> str:
        """The execution role."""
        return self.request["RoleArn"]

    @property
    def isolated(self) -> bool:
        """Whether the containers run without a network."""
        return bool(self.request.get("EnableNetworkIsolation"))

    @property
    def objective(self) -> str | None:
        """Name of the metric that a tuning job watches."""
        return (self.request.get("HyperParameters") or {}).get("_tuning_objective_metric")

    @property
    def hosts(self) -> list[str]:
        """Names of the hosts, ``algo-1`` onwards."""
        return [f"algo-{n + 1}" for n in range(self.request["ResourceConfig"].get("InstanceCount", 1))]

    @property
    def ended(self) -> bool:
        """Whether the job has come to its end."""
        return self.training_job_status in {"Completed", "Failed", "Stopped"}

    def enter(self, secondary: str, *, message: str | None = None) -> None:
        """Go to a secondary status and to the primary status that belongs to it."""
        moment = now()
        if self.transitions:
            self.transitions[-1].setdefault("EndTime", moment)
        transition = {"Status": secondary, "StartTime": moment, "StatusMessage": message or _MESSAGES[secondary]}
        self.training_job_status = _STATUS.get(secondary, self.training_job_status)
        self.secondary_status, self.last_modified_time = secondary, moment
        if self.ended:
            transition["EndTime"] = self.training_end_time = moment
        self.transitions.append(transition)

    def fail(self, reason: str) -> None:
        """End as Failed; AWS keeps 1,024 characters of the reason."""
        self.failure_reason = reason[:1024]
        self.enter("Failed", message=self.failure_reason)

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeTrainingJob's answer."""
        answer = {
            **dict.fromkeys(_SWITCHES, False),
            **self.request,
            "TrainingJobArn": self.arn,
            "TuningJobArn": self.tuning_job_arn,
            "TrainingJobStatus": self.training_job_status,
            "SecondaryStatus": self.secondary_status,
            "SecondaryStatusTransitions": [dict(transition) for transition in self.transitions],
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "TrainingStartTime": self.training_start_time,
            "TrainingEndTime": self.training_end_time,
            "FailureReason": self.failure_reason,
            "ModelArtifacts": self.model_artifacts,
            "WarmPoolStatus": warm.status(self),
            "FinalMetricDataList": [dict(metric) for metric in self.metrics.values()],
            **self._durations(),
        }
        return {name: value for name, value in answer.items() if value is not None}

    def gen_response_object(self) -> dict[str, Any]:
        """The same, under the name by which moto's Search asks."""
        return {**self.response_object, "Tags": self.tags}

    def summary(self) -> dict[str, Any]:
        """One line of ListTrainingJobs."""
        answer = {
            "TrainingJobName": self.training_job_name,
            "TrainingJobArn": self.arn,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "TrainingEndTime": self.training_end_time,
            "TrainingJobStatus": self.training_job_status,
            "SecondaryStatus": self.secondary_status,
            "WarmPoolStatus": warm.status(self),
        }
        return {name: value for name, value in answer.items() if value is not None}

    def _durations(self) -> dict[str, int]:
        """Training time from start to end; billable is that of one instance without the waits for new spot capacity.

        The price of spot capacity, which SageMaker counts in as well, is not known here.
        """
        if self.training_start_time is None or self.training_end_time is None:
            return {}
        seconds = (self.training_end_time - self.training_start_time).total_seconds()
        durations = {"TrainingTimeInSeconds": max(1, round(seconds))}
        if self.training_job_status in {"Completed", "Stopped"}:
            waits = [step for step in self.transitions if step["Status"] == "Interrupted"]
            waited = sum((step["EndTime"] - step["StartTime"]).total_seconds() for step in waits)
            durations["BillableTimeInSeconds"] = max(1, round(seconds - waited))
        return durations
