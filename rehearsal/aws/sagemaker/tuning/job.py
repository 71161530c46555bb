"""What a tuning job and its trials are and where they stand: plain data, so that it survives the server's restart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.tuning import ranges

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.tuning.ranges import Range

_COUNTED = {"Completed": "Completed", "Failed": "NonRetryableError", "Stopped": "Stopped"}
_SUMMARY = ("CreationTime", "TrainingStartTime", "TrainingEndTime", "TrainingJobStatus", "FailureReason")


@dataclass
class Trial:
    """One training job of a tuning job. ``spared``: its bracket under Hyperband."""

    job: TrainingJob
    values: dict[str, str]
    spared: int = 0


@dataclass
class TuningJob:
    """One tuning job. ``request`` is CreateHyperParameterTuningJob's input without its tags."""

    name: str
    arn: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    seed: int
    creation_time: datetime = field(default_factory=now)
    last_modified_time: datetime = field(default_factory=now)
    end_time: datetime | None = None
    status: str = "InProgress"
    failure_reason: str | None = None
    trials: list[Trial] = field(default_factory=list)

    @property
    def config(self) -> dict[str, Any]:
        """HyperParameterTuningJobConfig."""
        return dict(self.request["HyperParameterTuningJobConfig"])

    @property
    def definition(self) -> dict[str, Any]:
        """TrainingJobDefinition."""
        return dict(self.request["TrainingJobDefinition"])

    @property
    def objective(self) -> dict[str, str]:
        """Type (Maximize or Minimize) and MetricName."""
        return dict(self.config["HyperParameterTuningJobObjective"])

    @property
    def space(self) -> tuple[Range, ...]:
        """What is searched."""
        return ranges.read(self.config["ParameterRanges"])

    @property
    def limits(self) -> dict[str, int]:
        """ResourceLimits."""
        return dict(self.config["ResourceLimits"])

    @property
    def ended(self) -> bool:
        """Whether the tuning job has come to its end."""
        return self.status in {"Completed", "Failed", "Stopped"}

    def enter(self, status: str, reason: str | None = None) -> None:
        """Go to a status; ``reason`` is why a tuning job failed."""
        self.status, self.last_modified_time, self.failure_reason = status, now(), reason
        if self.ended:
            self.end_time = self.last_modified_time

    def scores(self, trial: Trial) -> list[float]:
        """Every value of the objective that a trial has shown, lower when better."""
        sign = -1.0 if self.objective["Type"] == "Maximize" else 1.0
        return [sign * value for value in trial.job.objective_values]

    def best(self) -> Trial | None:
        """The trial that ended with the best value; None before any has."""
        scored = [trial for trial in self.trials if objective_status(trial) == "Succeeded"]
        return min(scored, key=lambda trial: self.scores(trial)[-1], default=None)

    def not_improving(self) -> int:
        """How many trials have ended since the best one without a better value."""
        best, since = math.inf, 0
        ended = [trial for trial in self.trials if trial.job.ended]
        for trial in sorted(ended, key=lambda trial: trial.job.training_end_time or trial.job.last_modified_time):
            score = self.scores(trial)[-1] if objective_status(trial) == "Succeeded" else math.inf
            since = 0 if score < best else since + 1
            best = min(best, score)
        return since

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeHyperParameterTuningJob's answer."""
        best = self.best()
        answer = {
            **self.request,
            **self._course(),
            "FailureReason": self.failure_reason,
            "BestTrainingJob": summary(self, best) if best else None,
            "TuningJobCompletionDetails": {"NumberOfTrainingJobsObjectiveNotImproving": self.not_improving()},
            "ConsumedResources": {"RuntimeInSeconds": _seconds(trial.job for trial in self.trials)},
        }
        return {name: value for name, value in answer.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """One line of ListHyperParameterTuningJobs."""
        answer = {**self._course(), "Strategy": self.config["Strategy"], "ResourceLimits": self.limits}
        return {name: value for name, value in answer.items() if value is not None}

    def gen_response_object(self) -> dict[str, Any]:
        """The same as DescribeHyperParameterTuningJob, under the name by which moto's Search asks."""
        return {**self.response_object, "Tags": self.tags}

    def _course(self) -> dict[str, Any]:
        jobs = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
        objectives = dict.fromkeys(("Succeeded", "Pending", "Failed"), 0)
        for trial in self.trials:
            jobs[_COUNTED.get(trial.job.training_job_status, "InProgress")] += 1
            objectives[objective_status(trial)] += 1
        return {
            "HyperParameterTuningJobName": self.name,
            "HyperParameterTuningJobArn": self.arn,
            "HyperParameterTuningJobStatus": self.status,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "HyperParameterTuningEndTime": self.end_time,
            "TrainingJobStatusCounters": jobs,
            "ObjectiveStatusCounters": objectives,
        }


def objective_status(trial: Trial) -> str:
    """Return Pending, Succeeded, or Failed where the training job failed or never showed the objective."""
    if not trial.job.ended:
        return "Pending"
    return "Succeeded" if trial.job.objective_values and trial.job.training_job_status != "Failed" else "Failed"


def summary(tuning: TuningJob, trial: Trial) -> dict[str, Any]:
    """Return one line of ListTrainingJobsForHyperParameterTuningJob."""
    described = trial.job.response_object
    answer = {
        "TrainingJobName": trial.job.training_job_name,
        "TrainingJobArn": trial.job.arn,
        "TunedHyperParameters": trial.values,
        "ObjectiveStatus": objective_status(trial),
        **{name: described[name] for name in _SUMMARY if name in described},
    }
    if trial.job.objective_values:
        final = {**tuning.objective, "Value": trial.job.objective_values[-1]}
        answer["FinalHyperParameterTuningJobObjectiveMetric"] = final
    definition = tuning.definition.get("DefinitionName")
    return {**answer, "TrainingJobDefinitionName": definition} if definition else answer


def _seconds(jobs: Iterable[TrainingJob]) -> int:
    """Return how long training jobs have trained in all."""
    moment = now()
    spans = [(job.training_end_time or moment) - job.training_start_time for job in jobs if job.training_start_time]
    return round(sum(span.total_seconds() for span in spans))
