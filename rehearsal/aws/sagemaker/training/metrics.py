"""Find the metrics of a job in what it prints."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from rehearsal.aws.sagemaker import duties
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.settings import TRAINING_LOG_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.training.job import TrainingJob


def observer(context: Context, job: TrainingJob) -> Callable[[str], None]:
    """Return a function that takes one log line, keeps the last value of each metric and sends all to CloudWatch."""
    definitions = [
        (definition["Name"], re.compile(definition["Regex"]))
        for definition in job.request["AlgorithmSpecification"].get("MetricDefinitions") or []
    ]

    def observe(line: str) -> None:
        for name, pattern in definitions:
            for match in pattern.finditer(line):
                value = _number(match.group(1))
                if value is not None:
                    if name == job.objective:
                        job.objective_values.append(value)
                    latest = {"MetricName": name, "Value": value, "Timestamp": now()}
                    job.metrics = {**job.metrics, name: latest}  # a new one: the old may be read or saved just now
                    dims = {"TrainingJobName": job.training_job_name}
                    if duties.may_measure(duties.of_job(job), TRAINING_LOG_GROUP):
                        context.put_metric(TRAINING_LOG_GROUP, name, value, dims)

    return observe


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None  # neither JSON nor CloudWatch has a NaN
